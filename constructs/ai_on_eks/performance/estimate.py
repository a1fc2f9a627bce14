"""How fast a replica can be: peaks of its accelerators, and the few constants that measurements demand.

Models that keep a cache are `decoding`, all others `batches`; what a pass takes is `passes`, the constants are
`calibration`. It ranks placements and sizes a first deployment; a measurement replaces it. Speculative decoding is not
assumed.
"""

from __future__ import annotations

from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.descriptors.schema import Precision
from ai_on_eks.performance.batches import answer
from ai_on_eks.performance.calibration import band, constants
from ai_on_eks.performance.decoding import decode
from ai_on_eks.performance.divided import divide
from ai_on_eks.performance.machine import Division, Machine
from ai_on_eks.performance.types import Estimates, Figures
from ai_on_eks.sizing.types import Load

ROOFLINE, CALIBRATED = "roofline", "calibrated"

NOTHING = Estimates(None, None, None, None, ROOFLINE)
"""Where a peak is unknown."""


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
    """Estimates for one replica of `division` on `machine`, running `sequences` at once under `engine`.

    `load.context_tokens` is the longest prompt plus output of one sequence, of which `output_tokens` are written.
    `waiting` sequences more are asked for than fit and wait for others to end. Without a peak there is no estimate,
    only None.
    """
    of = divide(inventory, precision, machine, division)
    if not of.has_peaks or of.bandwidth < 0:
        return NOTHING
    measured = constants(machine.generation, engine)
    if not inventory.states:
        return _with_evidence(answer(of, measured, load), machine, engine)
    if of.bandwidth == 0:
        return NOTHING
    figures = decode(
        of,
        measured,
        prompt_tokens=max(1, load.context_tokens - output_tokens),
        output_tokens=output_tokens,
        sequences=sequences,
        waiting=waiting,
    )
    return _with_evidence(figures, machine, engine)


def _with_evidence(figures: Figures, machine: Machine, engine: str) -> Estimates:
    ttft, tpot, items = (band(machine.generation, engine, figures.kind, name) for name in ("ttft", "tpot", "items"))
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
