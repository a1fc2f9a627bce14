"""Estimates of speed, each with its evidence."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimates:
    """Per replica at the planned concurrency. None where the figure has no meaning for the model.

    ttft_ms                time to first token of a full-length prompt, or the latency of one batch
    tpot_ms                time per output token of one sequence
    output_tokens_per_s    over all running sequences
    items_per_s            embeddings or images per second
    evidence               `roofline` (computed from peaks), `calibrated` or `measured`
    """

    ttft_ms: float | None
    tpot_ms: float | None
    output_tokens_per_s: float | None
    items_per_s: float | None
    evidence: str
