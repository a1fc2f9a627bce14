"""What a record says of its run, as people write it: engine and version, device, data types, image."""

from __future__ import annotations

import re
from functools import lru_cache

from ai_on_eks.catalog.loading import Catalog, load_catalog
from ai_on_eks.descriptors.image_generation import Offload
from ai_on_eks.descriptors.schema import CachePrecision, Image, WeightPrecision
from ai_on_eks.units import GIB
from benchmarks.accuracy.truth import Record

REGION = "us-east-1"

UNKNOWN_DEVICE_GB = 80

RELEASES = (("2026-11", "0.33"), ("2026-08", "0.26"), ("2025-10", "0.11"))
"""Months in which a version of vLLM was current, newest first, for records that give a date and no version (0.26:
vllm-project/vllm#51041 of 2026-08; 0.11 and 0.33: PyPI)."""

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_PRECISIONS = (
    ("nvfp4", WeightPrecision.NVFP4),
    ("mxfp4", WeightPrecision.MXFP4),
    ("int4", WeightPrecision.INT4),
    ("awq", WeightPrecision.INT4),
    ("gptq", WeightPrecision.INT4),
    ("autoround", WeightPrecision.INT4),
    ("int8", WeightPrecision.INT8),
    ("fp8", WeightPrecision.FP8),
    ("fp32", WeightPrecision.FP32),
    ("bf16", WeightPrecision.BF16),
    ("fp16", WeightPrecision.FP16),
)
"""Word in a record's `quant` (or, where it has none, in its model's name) -> data type; the first that is found counts,
so that of `FP32, BF16` the larger does."""

_ENGINES = (
    ("transformers neuronx", "transformers-neuronx"),
    ("neuronx distributed", "nxd-inference"),
    ("ray-vllm-neuron", "nxd-inference"),
    ("vllm-neuron", "nxd-inference"),
    ("pytorch", "torch-neuronx"),
    ("aphrodite", "aphrodite"),
    ("sglang", "sglang"),
    ("llama.cpp", "llama-cpp"),
    ("diffusers", "diffusers"),
    ("nim", "vllm"),
    ("vllm", "vllm"),
)
"""Word in a record's `framework` -> engine of the catalogue; the first that is found counts."""


def engine_name(record: Record) -> str:
    """The engine, with its version where the record names one."""
    framework = record.text("framework").lower() or "vllm"
    name = next((engine for word, engine in _ENGINES if word in framework), "vllm")
    if name == "vllm" and (record.kind == "neuron" or record.text("neuron_sdk")):
        name = "transformers-neuronx" if "transformers-neuronx" in record.text("source") else "nxd-inference"
    version = re.search(r"(?:vllm|sglang)\s+v?(\d+\.\d+(?:\.\d+)?)", framework)
    if name == "vllm" and re.search(r"\bv0\b", framework):  # the first generation, which 0.8 and 0.9 still had
        return f"vllm@{version[1] if version is not None and version[1].startswith(('0.6', '0.7')) else '0.7'}"
    if name in ("vllm", "sglang") and version is not None:
        return f"{name}@{version[1]}"
    if name == "vllm" and re.search(r"\bv1\b", framework):
        return f"vllm@{_current(framework)}"
    return name


def device(record: Record) -> tuple[int, str | None]:
    """Usable bytes of one rank's device, and its name in the catalogue.

    Where a record names no device, only figures that do not depend on it can be scored; an 80 GB one stands in.
    """
    catalog = _catalog()
    total = record.number("gpu_total_gib")
    text = f"{record.text('gpu')} {record.text('instance')} {record.text('instance_family')}".lower()
    types = catalog.instance_types.values()
    instance = next((one for one in types if one.name in re.split(r"[\s/,]+", text)), None)
    family_name = record.text("instance_family").partition(" ")[0]
    shape = instance or next((one for one in types if one.family == family_name), None)
    if shape is not None and shape.accelerator is not None:
        memory, name = shape.accelerator_memory_bytes, shape.accelerator.name
        cores = int(record.number("lnc") or shape.accelerator.cores_per_rank)
        return memory * cores // shape.accelerator.cores, name
    carried = device_name(text)
    if carried is None and "a100" in text:
        carried = "a100-80gb" if "80" in text else "a100-40gb"
    if total is not None:
        return int(total * GIB), carried
    if carried is not None:
        return catalog.accelerators[carried].memory_bytes, carried
    nominal = re.search(r"(\d+)\s*gb\b", text)
    return (int(nominal[1]) if nominal else UNKNOWN_DEVICE_GB) * 10**9, None


def weights(record: Record) -> WeightPrecision | None:
    for text in (record.text("quant").partition("(")[0], record.model):
        found = next((value for word, value in _PRECISIONS if word in text.lower()), None)
        if found is not None:
            return found
    return None


def cache_precision(name: str) -> CachePrecision | None:
    """The data type of the cache; None where it is none that is sized. llama.cpp's q8_0 is sized as its 8 bit."""
    if "fp8" in name.lower() or name.lower() in ("int8", "q8_0"):
        return CachePrecision.FP8
    known = {"auto": CachePrecision.AUTO, "half": CachePrecision.FP16, "f16": CachePrecision.FP16}
    known |= {one.value: one for one in CachePrecision}
    return known.get(name.lower())


def image(record: Record) -> Image | None:
    """The image that a record asked for; None where it names no size, batch or offload."""
    size = re.match(r"(\d+)\s*x\s*(\d+)$", record.text("image_size") or record.text("resolution"))
    batch, offload = record.number("batch"), record.text("offload").lower()
    if record.kind != "diffusion" and size is None:
        return None
    return Image(
        width=None if size is None else int(size[1]),
        height=None if size is None else int(size[2]),
        batch=int(batch or 1),
        offload=Offload.NONE if offload in ("", "none", "false", "no") else Offload.MODEL,
    )


def device_name(text: str) -> str | None:
    """The accelerator of the catalogue that a text names, the longest name first; None where it names none."""
    words = _words(text)
    for name in sorted(_catalog().accelerators, key=len, reverse=True):
        wanted = _words(name)
        if any(words[start : start + len(wanted)] == wanted for start in range(len(words))):
            return name
    return None


def compute_capability(name: str | None) -> tuple[int, int] | None:
    """NVIDIA's, of an accelerator of the catalogue."""
    return None if name is None else _catalog().accelerators[name].compute_capability


def usable_bytes(name: str) -> int:
    """Usable memory of an accelerator of the catalogue."""
    return _catalog().accelerators[name].memory_bytes


@lru_cache(maxsize=1)
def _catalog() -> Catalog:
    return load_catalog(REGION)


def _current(framework: str) -> str:
    """The version of the time that a record gives; the oldest known of the second generation where it gives none."""
    date = re.search(rf"({'|'.join(_MONTHS)})\w*\s+(20\d\d)", framework)
    if date is None:
        return RELEASES[-1][1]
    month = f"{date[2]}-{_MONTHS.index(date[1]) + 1:02}"
    return next((version for since, version in RELEASES if since <= month), RELEASES[-1][1])


def _words(text: str) -> list[str]:
    """Words of a text, without the number of devices before a name and `gb` behind a size."""
    plain = re.sub(r"\b\d+\s*x\s*", " ", text.lower())
    return [word.removesuffix("gb") for word in re.split(r"[^a-z0-9]+", plain) if word]
