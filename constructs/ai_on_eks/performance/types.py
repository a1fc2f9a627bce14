"""Estimates of speed, each with its evidence and its band of errors."""

from __future__ import annotations

from msgspec import Struct

Band = tuple[float, float]


class Figures(Struct, frozen=True):
    """What the formulae give, in seconds, before evidence is added. `kind` is what the model is calibrated as."""

    kind: str
    ttft_s: float
    tpot_s: float | None
    output_tokens_per_s: float | None
    items_per_s: float | None


class Estimates(Struct, frozen=True):
    """Per replica at the planned concurrency. None where the figure has no meaning for the model.

    ttft_ms                time to first token of a full-length prompt, or the latency of one batch
    tpot_ms                time per output token of one sequence
    output_tokens_per_s    over all running sequences
    items_per_s            embeddings or images per second
    evidence               `roofline` (computed from peaks), `calibrated` (constants fitted to measurements of this
                           generation of devices and kind of model) or `measured`
    ttft_band, tpot_band, items_band
                           (low, high): eight in ten held-out measurements lay between estimate × low and estimate ×
                           high; None without measurements. The band of tokens per second is that of tpot, inverted
    """

    ttft_ms: float | None
    tpot_ms: float | None
    output_tokens_per_s: float | None
    items_per_s: float | None
    evidence: str
    ttft_band: Band | None = None
    tpot_band: Band | None = None
    items_band: Band | None = None
