"""A descriptor from a model's own files.

config.json     model type, hyper-parameters, data type, what the model is for (`tasks`)
file names      the format of the weights beside a config; no weight is opened
weight headers  tensors and data types, where there is no config (`weight_files`)
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ai_on_eks.descriptors.architectures import family_of, relevant_hyperparameters
from ai_on_eks.descriptors.checks import check_descriptor, check_inventory
from ai_on_eks.descriptors.document import refuse
from ai_on_eks.descriptors.documents import read_json
from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.descriptors.model_folder import QUANTIZATION_FILES, Weights, file_names, find_weights, stored_bytes
from ai_on_eks.descriptors.origins import object_name, origin_of, source_of
from ai_on_eks.descriptors.places import Place
from ai_on_eks.descriptors.published_precision import exported_precision, published_precision
from ai_on_eks.descriptors.schema import Architecture, Descriptor, Family, Format, Kind, Precision
from ai_on_eks.descriptors.sentence_files import MODULES, sentence_model
from ai_on_eks.descriptors.tasks import TO_IMAGE, SentenceModel, first_class, purpose_of, without_head
from ai_on_eks.descriptors.weight_files import READERS, describe_weights, is_weight_source
from ai_on_eks.descriptors.yaml_writing import write_yaml
from ai_on_eks.errors import InputError, Problem

CONFIG = "config.json"
INDEX = "model_index.json"

REMOTE_SCHEMES = ("hf", "https", "http")


class Description(Struct, frozen=True):
    """A descriptor and what could not be told from the files. `stored_bytes` of the weights beside a config, if known:
    whoever can size the descriptor can compare."""

    descriptor: Descriptor
    notes: tuple[str, ...]
    stored_bytes: int | None = None


def describe(source: str) -> Description:
    """The description of what `source` names: a folder with a transformers `config.json` or a diffusers
    `model_index.json`, a TensorFlow SavedModel, a weight file, or one of these on a server (`remote`)."""
    return describe_place(_place(source))


def describe_place(path: Place) -> Description:
    """The description of a file or folder, wherever it lies."""
    if is_weight_source(path) and not (path.is_dir() and (path / CONFIG).exists()):
        return _describe_weights(path)
    if path.is_file():
        raise _not_read(path)
    return _describe_folder(path)


def describe_folder(path: Path) -> Descriptor:
    """The complete descriptor of a folder with a transformers `config.json`."""
    return _describe_folder(path).descriptor


def to_yaml(descriptor: Descriptor, notes: tuple[str, ...] = ()) -> str:
    """The descriptor as a file: what differs from the defaults, `notes` as comments above."""
    value = descriptor.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return "".join(f"# {note}\n" for note in notes) + write_yaml(value)


def _place(source: str) -> Place:
    scheme, separator, _ = source.partition("://")
    if not separator:
        return Path(source)
    if scheme in REMOTE_SCHEMES:
        # only sources on a server pay for the network's modules
        from ai_on_eks.descriptors.remote.opening import open_remote  # noqa: PLC0415

        return open_remote(source)
    raise refuse(
        "source-not-supported",
        f"'{scheme}://' is not read; a folder, a weight file, hf://org/name and https:// addresses of weight files are",
        source,
        fix=f"copy the model's {CONFIG} into a folder and name that folder",
    )


def _describe_weights(path: Place) -> Description:
    if not path.exists():
        raise refuse("file-not-found", "there is no such file", str(path), fix="check the path")
    folder = path if path.is_dir() else path.parent
    origin = origin_of(folder)
    stem = path.name.partition(".")[0] if path.is_file() else origin.name
    descriptor, notes = describe_weights(path, name=object_name(stem), origin=origin)
    problems = check_descriptor(descriptor)
    if problems:
        raise InputError([replace(problem, file=str(path)) for problem in problems])
    return Description(descriptor, notes)


def _describe_folder(path: Place) -> Description:
    file = str(path / CONFIG)
    if not path.is_dir():
        raise refuse("file-not-found", "there is no such folder", str(path), fix="check the path")
    if not (path / CONFIG).exists() and (path / INDEX).is_file():
        return _describe_pipeline(path)
    if not (path / CONFIG).exists():
        message = f"holds no {CONFIG}; supported is a folder with {CONFIG} of transformers or {INDEX} of diffusers"
        raise refuse("source-not-supported", message, str(path), fix=_named_instead(path))
    origin = origin_of(path)
    notes: list[str] = []
    sentences = sentence_model(path)
    config = _for_vectors(_with_quantization(_config(path), path, notes), sentences, notes)
    inventory, relevant = _hyperparameters(config, file)
    purpose = purpose_of(config, inventory, sentences)
    weights = find_weights(path)
    precision = _precision(config, weights, path)
    if weights.file is not None:
        notes.append(f"precision as the name of {weights.file} says; the file was not opened")
    if precision is None:
        notes.append("the config names no data type: precision is left at its default")
    if weights.format is None:
        notes.append("no weights in the folder: safetensors assumed")
    notes += [f"assumed: {one}" for one in inventory.estimated]
    descriptor = Descriptor(
        name=object_name(origin.name),
        kind=purpose.kind,
        task=purpose.task,
        source=source_of(origin, weights.file, weights.format or Format.SAFETENSORS, str(path)),
        architecture=Architecture(family=family_of(config), config=relevant),
        precision=precision,
    )
    problems = [*check_descriptor(descriptor), *check_inventory(descriptor, inventory)]
    if problems:
        raise InputError([replace(problem, file=file) for problem in problems])
    return Description(descriptor, tuple(notes), stored_bytes(path))


def _not_read(path: Place) -> InputError:
    from ai_on_eks.descriptors.unread_files import unread  # noqa: PLC0415 - only to say why not

    found = unread(path.name)
    if found is not None:
        return refuse("source-not-supported", f"is {found.what}, which is not read", str(path), fix=found.fix)
    message = "is neither a folder nor a weight file by its name"
    fix = f"name the folder that holds {CONFIG}, or a file that ends in {', '.join(READERS)}"
    return refuse("source-not-supported", message, str(path), fix=fix)


def _named_instead(path: Place) -> str:
    """What to name instead of a folder without a config: one of its weight files, if it has any."""
    readable = [name for name in file_names(path) if name.endswith(tuple(READERS))]
    if not readable:
        return f"name a folder that holds {CONFIG}"
    return f"name one of its weight files, such as {path / min(readable, key=lambda name: (len(name), name))}"


def _describe_pipeline(path: Place) -> Description:
    from ai_on_eks.descriptors.pipeline_folder import read_pipeline  # noqa: PLC0415 - only pipelines need it

    origin = origin_of(path)
    found = read_pipeline(path)
    descriptor = Descriptor(
        name=object_name(origin.name),
        kind=Kind.FOUNDATION,
        task=TO_IMAGE,
        source=source_of(origin, found.weights.file, found.weights.format or Format.SAFETENSORS, str(path)),
        architecture=Architecture(family=Family.DIFFUSION, config=found.config),
        precision=found.precision,
    )
    problems = [*check_descriptor(descriptor), *check_inventory(descriptor, found.inventory)]
    if problems:
        raise InputError([replace(problem, file=str(path / INDEX)) for problem in problems])
    return Description(descriptor, (*found.notes, *(f"assumed: {one}" for one in found.inventory.estimated)))


def _config(path: Place) -> Mapping[str, Any]:
    document = read_json(path / CONFIG)
    if not isinstance(document.value, dict):
        message, fix = "holds no mapping of hyper-parameters", f"name a folder with a model's {CONFIG}"
        raise refuse("not-a-mapping", message, document.file, 1, fix=fix)
    return document.value


def _with_quantization(config: Mapping[str, Any], path: Place, notes: list[str]) -> Mapping[str, Any]:
    """With what a file beside a config says of a quantization that the config does not name."""
    if not any((path / name).is_file() for name in QUANTIZATION_FILES):
        return config
    from ai_on_eks.descriptors.quantization import files_beside  # noqa: PLC0415 - only for these

    config, name = files_beside.with_quantization(config, path)
    if name is not None:
        notes.append(f"quantization as {name} says; {CONFIG} names none")
    if name in files_beside.UNNAMED:
        notes.append(f"engines read {name} only where they are told the method, such as vLLM by --quantization")
    return config


def _for_vectors(config: Mapping[str, Any], sentences: SentenceModel, notes: list[str]) -> Mapping[str, Any]:
    """Without the head of a language model that sentence-transformers makes vectors of, where that has one."""
    headless = without_head(config) if sentences is SentenceModel.EMBEDDER else config
    if headless is config:
        return config
    try:
        relevant_hyperparameters(headless)
    except InputError:  # told when the config itself is read, if it is not about the missing head
        return config
    notes.append(f"{MODULES} makes it an embedding model: the head of {first_class(config)} is not loaded")
    return headless


def _hyperparameters(config: Mapping[str, Any], file: str) -> tuple[Inventory, dict[str, Any]]:
    """The exact inventory; problems are told as the config's own."""
    try:
        return relevant_hyperparameters(config)
    except InputError as error:
        raise InputError(
            [
                Problem(
                    code=problem.code,
                    message=problem.message,
                    file=file,
                    path=(problem.path or "").removeprefix("architecture.config."),
                    value=problem.value,
                    allowed=problem.allowed,
                    fix=_fix(problem),
                )
                for problem in error.problems
            ]
        ) from None


def _fix(problem: Problem) -> str | None:
    """The config at hand is the model's own: what it does not say cannot be taken from there."""
    unknown = problem.code == "unknown-architecture"
    unsaid = problem.code == "missing-hyperparameter" and (problem.path or "").endswith(".model_type")
    return "write the descriptor by hand, with architecture.parameters" if unknown or unsaid else problem.fix


def _precision(config: Mapping[str, Any], weights: Weights, path: Place) -> Precision | None:
    """An exported file's own data type, else the config's."""
    if weights.format is None or weights.file is None:
        return published_precision(config, str(path / CONFIG))
    precision = exported_precision(weights.format, weights.file)
    if precision is None:
        message = "the file's name does not say how it was quantized"
        fix = "write the descriptor by hand, with 'weights' and 'scheme' under 'precision'"
        raise refuse("unknown-quantization", message, str(path / weights.file), fix=fix)
    return precision
