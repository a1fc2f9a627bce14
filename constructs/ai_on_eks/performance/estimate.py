"""How fast a replica can be: peaks of its accelerators, and the few constants that measurements demand.

Models that keep a cache are `decoding`, all others `batches`; what a pass takes is `passes`, the constants are
`calibration`. It ranks placements and sizes a first deployment; a measurement replaces it. Speculative decoding is not
assumed.
"""

from __future__ import annotations

from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.descriptors.schema import Precision
from ai_on_eks.performance.batches import answer
from ai_on_eks.performance.calibration import Band, band, constants
from ai_on_eks.performance.decoding import decode
from ai_on_eks.performance.divided import divide
from ai_on_eks.performance.machine import Division, Machine
from ai_on_eks.performance.types import Estimates, Figures
from ai_on_eks.sizing.types import Load

ROOFLINE, CALIBRATED = "roofline", "calibrated"

NOTHING = Estimates(None, None, None, None, ROOFLINE)
"""Where a peak is unknown."""


class Estimator:
    """Estimates for replicas of one division on one machine under one engine: what they share is computed once."""

    def __init__(
        self, inventory: Inventory, precision: Precision, machine: Machine, division: Division, *, engine: str
    ) -> None:
        self._machine, self._engine = machine, engine
        self._of = divide(inventory, precision, machine, division)
        self._constants = constants(machine.generation, engine)
        self._bands: dict[str, tuple[Band | None, Band | None, Band | None]] = {}

    def estimate(self, load: Load, *, output_tokens: int, sequences: int, waiting: int = 0) -> Estimates:
        """Estimates for a replica that runs `sequences` at once.

        `load.context_tokens` is the longest prompt plus output of one sequence, of which `output_tokens` are written.
        `waiting` sequences more are asked for than fit and wait for others to end. Without a peak there is no estimate,
        only None.
        """
        of = self._of
        if not of.has_peaks or of.bandwidth < 0:
            return NOTHING
        if not of.inventory.states:
            return self._with_evidence(answer(of, self._constants, load))
        if of.bandwidth == 0:
            return NOTHING
        figures = decode(
            of,
            self._constants,
            prompt_tokens=max(1, load.context_tokens - output_tokens),
            output_tokens=output_tokens,
            sequences=sequences,
            waiting=waiting,
        )
        return self._with_evidence(figures)

    def _with_evidence(self, figures: Figures) -> Estimates:
        ttft, tpot, items = self._bands_of(figures.kind)
        return Estimates(
            ttft_ms=1000 * figures.ttft_s,
            tpot_ms=None if figures.tpot_s is None else 1000 * figures.tpot_s,
            output_tokens_per_s=figures.output_tokens_per_s,
            items_per_s=figures.items_per_s,
            evidence=CALIBRATED if (tpot or items) is not None else ROOFLINE,
            ttft_band=ttft,
            tpot_band=tpot,
            items_band=items,
        )

    def _bands_of(self, kind: str) -> tuple[Band | None, Band | None, Band | None]:
        if kind not in self._bands:
            generation, engine = self._machine.generation, self._engine
            self._bands[kind] = (
                band(generation, engine, kind, "ttft"),
                band(generation, engine, kind, "tpot"),
                band(generation, engine, kind, "items"),
            )
        return self._bands[kind]


def estimate(
    inventory: Inventory,
    precision: Precision,
    load: Load,
    machine: Machine,
    division: Division,
    *,
    engine: str,
    output_tokens: int,
    sequences: int,
    waiting: int = 0,
) -> Estimates:
    """One estimate; see `Estimator.estimate`."""
    estimator = Estimator(inventory, precision, machine, division, engine=engine)
    return estimator.estimate(load, output_tokens=output_tokens, sequences=sequences, waiting=waiting)
