"""The same records asked of other tools' formulae."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from msgspec import Struct

from ai_on_eks.descriptors.schema import CachePrecision
from ai_on_eks.sizing.precision import compute_data_type
from ai_on_eks.units import GIB
from benchmarks.accuracy.peers import PEERS, Peer, Question
from benchmarks.accuracy.predictions import Prediction
from benchmarks.accuracy.scoring import CACHE, POOL, WEIGHTS, Score

OURS = "AI on EKS"
_EIGHT_BITS = "fp8"


class Summary(Struct, frozen=True):
    """How one tool does on one measure: relative errors over the records it answers."""

    tool: str
    measure: str
    asked: int
    errors: tuple[float, ...]

    @property
    def median(self) -> float | None:
        return median(abs(error) for error in self.errors) if self.errors else None

    @property
    def worst(self) -> float | None:
        return max((abs(error) for error in self.errors), default=None)


def compare(scores: Iterable[Score]) -> tuple[Summary, ...]:
    """Every tool on weights, cache per token and pool, over the records that say enough to be answered."""
    every = list(scores)
    summaries = []
    for measure in (WEIGHTS, CACHE, POOL):
        answered = [one for one in every if one.measure == measure and one.predicted is not None]
        asked = [one for one in answered if _question(one) is not None]
        ours = tuple(one.error for one in asked if one.error is not None)
        summaries.append(Summary(OURS, measure, len(asked), ours))
        summaries += [_peer(peer, measure, asked) for peer in PEERS]
    return tuple(summaries)


def _peer(peer: Peer, measure: str, asked: list[Score]) -> Summary:
    errors = []
    for one in asked:
        question = _question(one)
        if question is None or one.measured is None:
            continue
        if measure == CACHE:
            answer = peer.bytes_per_token(question)
        else:
            answer_bytes = peer.weights_bytes(question) if measure == WEIGHTS else peer.pool_bytes(question)
            answer = None if answer_bytes is None else answer_bytes / GIB
        if answer is not None:
            errors.append(answer / one.measured - 1)
    return Summary(peer.name, measure, len(asked), tuple(errors))


def _question(one: Score) -> Question | None:
    prediction = one.prediction
    if prediction is None or prediction.known is None or prediction.known.config is None:
        return None
    if prediction.inventory is None or prediction.precision is None or prediction.target is None:
        return None
    target = prediction.target
    return Question(
        config=prediction.known.config,
        parameters=prediction.inventory.parameters,
        weights=prediction.precision.weights.value,
        cache=_cache(prediction),
        tensor_parallel=target.tensor_parallel,
        memory_bytes=target.device_memory_bytes,
        memory_fraction=target.memory_fraction or target.engine.memory_fraction,
        context_tokens=prediction.context_tokens,
    )


def _cache(prediction: Prediction) -> str:
    if prediction.precision is None:
        raise AssertionError("asked only where the precision is known")
    if prediction.precision.kv_cache is CachePrecision.AUTO:
        return compute_data_type(prediction.precision)
    return _EIGHT_BITS if prediction.precision.kv_cache is CachePrecision.FP8 else prediction.precision.kv_cache.value
