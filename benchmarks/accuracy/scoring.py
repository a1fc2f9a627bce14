"""The records' figures beside the predicted ones, and the bars they are held to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from statistics import median

from msgspec import Struct

from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.descriptors.inventory import RecurrentState
from ai_on_eks.errors import AiOnEksError
from ai_on_eks.sizing.weights import checkpoint_bytes
from ai_on_eks.units import GIB
from benchmarks.accuracy.models import Models
from benchmarks.accuracy.predictions import Prediction, family, predict, read_model
from benchmarks.accuracy.runs import device_name, usable_bytes
from benchmarks.accuracy.truth import MEASURED, Record, Truth

PARAMETERS = "parameters from config"
ACTIVE = "active parameters"
CACHE = "cache bytes per token and rank"
WEIGHTS = "weights per rank"
POOL = "cache pool"
FILES = "weight files"
ACTIVATIONS = "activation peak"
PEAK = "peak of a pipeline"
DEVICE = "usable accelerator memory"
MUST_NOT_FIT = "reported failures"
MUST_FIT = "reported successes"
VERDICTS = frozenset({MUST_FIT, MUST_NOT_FIT})
"""Measures whose figures are 1 for "fits" and 0 for "does not fit"."""
UNSCORED = "no figure to compare"
"""Of records that are counted and say nothing that a size could be held to."""
TWICE = "openai/gpt-oss"
"""Repositories with a copy of the weights in the publisher's own format (`original/`), which listings add up."""
FAILED_WORDS = ("oom", "fail", "killed", "does not", "no kv", "out of memory")


class Score(Struct, frozen=True):
    """One figure of one record: measured, predicted, relative error (predicted ÷ measured − 1).

    `reason` says why nothing was predicted; `note` what has to be known to read the error.
    """

    measure: str
    record: Record
    family: str
    measured: float | None = None
    predicted: float | None = None
    reason: str = ""
    note: str = ""
    prediction: Prediction | None = None

    @property
    def error(self) -> float | None:
        if self.measured is None or self.predicted is None or self.measure in VERDICTS:
            return None
        return self.predicted / self.measured - 1


class Bar(Struct, frozen=True):
    """What a measure has to reach, and what it reaches; `holds` is None where no record is exact enough to tell."""

    measure: str
    wanted: str
    reached: str
    holds: bool | None


def score(truth: Truth) -> tuple[Score, ...]:
    """Every record that says something about a measure."""
    models = Models(truth)
    scores = [*_parameters(truth), *_files(truth, models)]
    for record in truth.memory():
        scores += _memory(record, models)
    return tuple(scores)


def bars(scores: Iterable[Score]) -> tuple[Bar, ...]:
    """The bars of every measure."""
    by_measure: dict[str, list[Score]] = {}
    for one in scores:
        by_measure.setdefault(one.measure, []).append(one)

    def of(measure: str, chosen: Callable[[Score], bool] = lambda _one: True) -> list[Score]:
        return [one for one in by_measure.get(measure, []) if chosen(one)]

    return (
        _parameters_bar(of(PARAMETERS)),
        _worst_bar("cache per token, plain attention", of(CACHE, lambda one: one.family == "plain attention"), 0.005),
        _worst_bar("cache per token, latent attention", of(CACHE, lambda one: one.family == "latent attention"), 0.005),
        _worst_bar(
            "cache per token, windowed or hybrid",
            of(CACHE, lambda one: one.family not in ("plain attention", "latent attention")),
            0.12,
        ),
        _worst_bar(WEIGHTS, of(WEIGHTS, lambda one: not one.record.is_anomaly), 0.02),
        _worst_bar(FILES, of(FILES), 0.02),
        _pool_bar(of(POOL)),
        _verdict_bar(MUST_NOT_FIT, of(MUST_NOT_FIT), "0 called 'fits'"),
        _verdict_bar(MUST_FIT, of(MUST_FIT, lambda one: one.record.is_sure), "0 called 'does not fit'"),
    )


def _parameters(truth: Truth) -> Iterable[Score]:
    for record in truth.parameters():
        counted = record.number("params")
        try:
            config = truth.config(record)
            if config is None:
                continue
            inventory, _relevant = relevant_hyperparameters(config)
        except AiOnEksError as error:
            yield Score(PARAMETERS, record, "not known", counted, reason=error.problems[0].message)
            continue
        group = family(inventory)
        if counted is None:
            yield Score(PARAMETERS, record, group, None, inventory.parameters, note="nobody has counted it")
            continue
        yield Score(PARAMETERS, record, group, counted, inventory.parameters)
        active = record.number("active_params_incl_embeddings")
        if active is not None:
            yield Score(ACTIVE, record, group, active, inventory.active_parameters)


def _files(truth: Truth, models: Models) -> Iterable[Score]:
    """The size of a checkpoint's weight files, where a config of its own precision is there."""
    for record in truth.parameters():
        published = record.number("hub_weight_files_gib")
        known = models.published(record.model)
        if published is None or known is None:
            continue
        if record.model.startswith(TWICE):
            yield Score(FILES, record, "not known", published, reason="the repository holds the weights twice")
            continue
        try:
            inventory, precision = read_model(known, None)
        except AiOnEksError as error:
            yield Score(FILES, record, "not known", published, reason=error.problems[0].message)
            continue
        yield Score(FILES, record, family(inventory), published, sum(checkpoint_bytes(inventory, precision)) / GIB)


def _memory(record: Record, models: Models) -> list[Score]:
    if record.kind == "gpu_total_memory":
        return [_device(record)]
    prediction = predict(record, models)
    outcome = record.text("outcome").lower()
    failed = record.kind == "does_not_fit" or any(word in outcome for word in FAILED_WORDS)
    if record.kind in ("does_not_fit", "neuron") and failed:
        return [_verdict(MUST_NOT_FIT, prediction, wanted=False)]
    if record.kind in ("works_on", "neuron"):
        return [_verdict(MUST_FIT, prediction, wanted=True)]
    figures = [
        *_figure(WEIGHTS, prediction, _measured_weights(record), _predicted_weights(prediction)),
        *_figure(CACHE, prediction, _measured_per_token(record), _predicted_per_token(prediction)),
        *_figure(ACTIVATIONS, prediction, record.number("activation_peak_gib"), _predicted_activations(prediction)),
        *_figure(PEAK, prediction, _measured_peak(record), _predicted_peak(prediction)),
        *(_figure(POOL, prediction, *_pool(prediction), note=_pool_note(record)) if record.kind in MEASURED else ()),
    ]
    if figures:
        return figures
    group = "not known" if prediction.inventory is None else family(prediction.inventory)
    reason = prediction.reason or "the record has no figure that can be compared without more of its run"
    return [Score(UNSCORED, record, group, reason=reason, prediction=prediction)]


def _device(record: Record) -> Score:
    """What of a device is usable, by its name in the catalogue."""
    measured = record.number("total_gib")
    name = device_name(record.model)
    if name is None:
        return Score(DEVICE, record, "device", measured, reason="EC2 offers no device of that name")
    return Score(DEVICE, record, "device", measured, usable_bytes(name) / GIB)


def _figure(
    measure: str, prediction: Prediction, measured: float | None, predicted: float | None, note: str = ""
) -> list[Score]:
    if measured is None:
        return []
    group = "not known" if prediction.inventory is None else family(prediction.inventory)
    reason = "" if predicted is not None else prediction.reason or "the record does not say enough"
    return [Score(measure, prediction.record, group, measured, predicted, reason, note, prediction)]


def _verdict(measure: str, prediction: Prediction, *, wanted: bool) -> Score:
    """1 = fits, 0 = does not; a rejection of the model itself is no verdict on memory."""
    group = "not known" if prediction.inventory is None else family(prediction.inventory)
    if prediction.demand is None:
        return Score(measure, prediction.record, group, float(wanted), None, prediction.reason, prediction=prediction)
    fits = prediction.demand.fits
    note = "" if fits else "; ".join(prediction.demand.reasons)
    return Score(measure, prediction.record, group, float(wanted), float(fits), note=note, prediction=prediction)


def _measured_weights(record: Record) -> float | None:
    mib = record.number("weights_mib")
    return mib / 1024 if mib is not None else record.number("weights_gib_per_gpu")


def _predicted_weights(prediction: Prediction) -> float | None:
    if prediction.record.number("weights_mib") is not None and not prediction.record.text("quant"):
        return None  # a GGUF file whose block types the record does not name
    return None if prediction.demand is None else prediction.demand.rank.weights_bytes / GIB


def _predicted_activations(prediction: Prediction) -> float | None:
    return None if prediction.demand is None else prediction.demand.rank.activation_bytes / GIB


def _measured_peak(record: Record) -> float | None:
    """GiB that a diffusion pipeline took at its peak, in whichever unit the record gives it."""
    if record.kind != "diffusion":
        return None
    units = {"_gib": 1.0, "_gb": 10**9 / GIB, "_mib": 1 / 1024, "_mb": 10**6 / GIB}
    for name in sorted(record.fields):
        unit = next((factor for suffix, factor in units.items() if name.endswith(suffix)), None)
        value = record.number(name)
        if unit is not None and value is not None and any(word in name for word in ("peak", "vram", "memory")):
            return value * unit
    return None


def _predicted_peak(prediction: Prediction) -> float | None:
    """What torch allocates at the peak; the device's context lies outside it."""
    if prediction.demand is None:
        return None
    rank = prediction.demand.rank
    return (rank.weights_bytes + rank.activation_bytes) / GIB


def _measured_per_token(record: Record) -> float | None:
    """Bytes per token from a pool and the tokens it was said to hold."""
    tokens = record.number("kv_cache_tokens")
    if tokens is None and record.number("kv_gib_required") is not None:
        tokens = record.number("max_model_len")
    if tokens is None and record.number("kv_mib") is not None:
        tokens = record.number("n_ctx")
    pool = record.number("kv_cache_gib_per_gpu") or record.number("kv_gib_required")
    if pool is None and record.number("kv_mib") is not None:
        pool = (record.number("kv_mib") or 0) / 1024
    return pool * GIB / tokens if pool is not None and tokens else None


def _predicted_per_token(prediction: Prediction) -> float | None:
    """Bytes of a rank's pool per token it holds. A model with states of constant size keeps them too, so the context of
    the record counts."""
    demand, inventory = prediction.demand, prediction.inventory
    if demand is None or inventory is None:
        return None
    plain = not any(isinstance(one, RecurrentState) or not one.grows for one in inventory.states)
    if plain or not demand.rank.kv_cache_tokens:
        return float(demand.rank.kv_bytes_per_token)
    return demand.rank.kv_cache_bytes / demand.rank.kv_cache_tokens


def _pool(prediction: Prediction) -> tuple[float | None, float | None]:
    """GiB of the pool, logged as such or as blocks."""
    record, demand = prediction.record, prediction.demand
    if record.number("gpu_total_gib") is None and not record.text("gpu").startswith(("H100", "A100", "A40")):
        return None, None
    pool, blocks, block = record.number("kv_cache_gib_per_gpu"), record.number("kv_blocks"), record.number("block_size")
    if demand is None:
        return pool, None  # blocks cannot be turned into bytes then
    if pool is None and blocks is not None and block is not None:
        pool = blocks * block * demand.rank.kv_bytes_per_token / GIB
    return pool, demand.rank.kv_cache_bytes / GIB


def _pool_note(record: Record) -> str:
    known = record.number("gpu_memory_utilization") or record.number("mem_fraction_static")
    return "" if known else "the share of memory was not recorded: the engine's default is assumed"


def _parameters_bar(scores: list[Score]) -> Bar:
    counted = [one for one in scores if one.measured is not None]
    near = [one for one in counted if one.error is not None and abs(one.error) <= 0.001]
    wrong = [one for one in counted if one.error is not None and abs(one.error) > 0.01]
    share = len(near) / len(counted) if counted else 0.0
    refused = sum(one.predicted is None for one in counted)
    reached = f"{len(near)} of {len(counted)} ({share:.1%}), {len(wrong)} off by more than 1 %, {refused} refused"
    wanted = "≥ 97 % within 0.1 %, the rest within 1 % or refused"
    return Bar(PARAMETERS, wanted, reached, share >= 0.97 and not wrong)


def _worst_bar(name: str, scores: list[Score], most: float) -> Bar:
    """Figures that are approximate themselves are shown and not held to the bar."""
    exact = [one for one in scores if not one.record.is_approximate]
    errors = [abs(one.error) for one in exact if one.error is not None]
    about = [one.error for one in scores if one.record.is_approximate and one.error is not None]
    unanswered = len(exact) - len(errors)
    worst = max(errors, default=0.0)
    reached = f"worst {worst:.1%}, median {median(errors):.2%} of {len(errors)}" if errors else "no exact record"
    if about:
        reached += f", {len(about)} approximate ({', '.join(f'{error:+.1%}' for error in about)})"
    if unanswered:
        reached += f", {unanswered} unanswered"
    return Bar(name, f"≤ {most:.1%}", reached, worst <= most if errors else None)


def _pool_bar(scores: list[Score]) -> Bar:
    errors = [one.error for one in scores if one.error is not None]
    wanted = "median ≤ 5 %, worst ≤ 10 %, never more than 5 % optimistic"
    if not errors:
        return Bar(POOL, wanted, "no record", holds=False)
    middle, worst, most = median(abs(one) for one in errors), max(abs(one) for one in errors), max(errors)
    reached = f"median {middle:.1%}, worst {worst:.1%}, most optimistic {most:+.1%} of {len(errors)}"
    unanswered = len(scores) - len(errors)
    if unanswered:
        reached += f", {unanswered} unanswered"
    return Bar(POOL, wanted, reached, middle <= 0.05 and worst <= 0.10 and most <= 0.05)


def _verdict_bar(name: str, scores: list[Score], wanted: str) -> Bar:
    answered = [one for one in scores if one.predicted is not None]
    wrong = [one for one in answered if one.predicted != one.measured]
    reached = f"{len(wrong)} wrong of {len(answered)}"
    if len(answered) < len(scores):
        reached += f", {len(scores) - len(answered)} unanswered"
    return Bar(name, wanted, reached, bool(answered) and not wrong)
