"""Real models of every kind, planned and rendered under every way of getting nodes that can start theirs.

The plans are those of the command line: the same files, the same rules, the same images.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from ai_on_eks.aws.node_groups import NodeGroupSpec, capacity_spec
from ai_on_eks.aws.node_placement import placed_spec
from ai_on_eks.aws.node_strategies import NODE_OBJECTS
from ai_on_eks.cli.loading import Collector, LoadedModel, LoadedPlatform, load_models, load_target_platform
from ai_on_eks.cli.planning import fleet_of, with_engines
from ai_on_eks.cli.rendering import images_of
from ai_on_eks.cli.workloads import workloads_of
from ai_on_eks.descriptors.platform import CapacityStrategy, PlannedEngines
from ai_on_eks.errors import InputError
from ai_on_eks.kube.manifests import model_manifests, node_manifests, platform_manifests, priorities_of, shapes_of
from ai_on_eks.placement.capacity import capacity_requests
from ai_on_eks.placement.types import CapacityRequest, Plan
from ai_on_eks.serving.storage import EfsAddress, LustreAddress, StorageAddresses
from ai_on_eks.serving.types import Json, Workload
from ai_on_eks.serving.weight_volumes import with_lustre_shape

ROOT = Path(__file__).resolve().parents[2]
PLATFORMS = Path(__file__).parent / "platforms"
EXAMPLES = "docs/examples"
ENGINE_MODELS = "tests/k8s/engine_models"

STRATEGIES = (CapacityStrategy.MANAGED_NODE_GROUPS, CapacityStrategy.KARPENTER, CapacityStrategy.AUTO_MODE)


class Entry(Struct, frozen=True):
    """A line of the matrix: files of models planned together, and of the platform (default: the repository's)."""

    name: str
    files: tuple[str, ...]
    platform: str | None = None


def _entry(path: str, platform: str | None = None) -> Entry:
    return Entry(Path(path).stem, (path,), platform)


ENTRIES = (
    # language models: dense
    *(_entry(f"{EXAMPLES}/fleet/{name}.yaml") for name in ("qwen3-0-6b", "phi-4", "llama-2-70b-chat-hf")),
    _entry("models/llama-3-1-8b-instruct.yaml"),
    _entry("models/llama-3-3-70b-instruct.yaml"),
    *(_entry(f"{EXAMPLES}/models/{name}.yaml") for name in ("falcon-7b", "gemma-2-9b", "llama-3-1-405b")),
    # experts, latent attention
    _entry(f"{EXAMPLES}/fleet/mixtral-8x7b-instruct-v0-1.yaml"),
    *(_entry(f"{EXAMPLES}/models/{name}.yaml") for name in ("gpt-oss-20b", "deepseek-v2-lite")),
    _entry(f"{EXAMPLES}/hard/deepseek-r1.yaml"),
    _entry(f"{ENGINE_MODELS}/deepseek-r1-stages.yaml"),
    # state spaces, hybrids
    *(
        _entry(f"{EXAMPLES}/models/{name}.yaml")
        for name in (
            "mamba-2-8b", "nemotron-h-56b", "nemotron-3-nano-30b-a3b", "qwen3-5-27b", "qwen3-5-122b-a10b-nvfp4",
        )
    ),
    # fewer bits, other formats, other engines and accelerators
    _entry(f"{EXAMPLES}/models/qwen2-5-32b-instruct-awq.yaml"),
    *(
        _entry(f"{ENGINE_MODELS}/{name}.yaml")
        for name in (
            "llama-3-1-8b-graviton", "qwen3-14b-gguf", "llama-3-3-70b-gguf", "llama-3-3-70b-sglang",
            "llama-3-3-70b-tensorrt-llm", "llama-3-1-8b-inferentia2",
        )
    ),
    _entry(f"{ENGINE_MODELS}/llama-3-3-70b-trainium2.yaml", "ohio"),
    # embeddings, rerankers, encoders
    *(_entry(f"{EXAMPLES}/fleet/{name}.yaml") for name in ("all-minilm-l6-v2", "bge-m3")),
    *(
        _entry(f"{EXAMPLES}/models/{name}.yaml")
        for name in (
            "bge-reranker-v2-m3", "ms-marco-minilm-l6-v2", "qwen3-reranker-0-6b", "modernbert-base",
            "deberta-v3-base", "clip-vit-base-patch32",
        )
    ),
    _entry(f"{ENGINE_MODELS}/bge-base-inferentia2.yaml"),
    # pictures, speech, pictures and text
    _entry("models/resnet-50.yaml"),
    _entry(f"{EXAMPLES}/fleet/resnet152-v1-7.yaml"),
    *(
        _entry(f"{ENGINE_MODELS}/{name}.yaml")
        for name in ("resnet-50-savedmodel", "resnet-50-inferentia2", "vit-base-inferentia2")
    ),
    *(
        _entry(f"{EXAMPLES}/models/{name}.yaml")
        for name in (
            "resnet-101", "vit-base-patch16-224", "detr-resnet-50", "wav2vec2-base-960h", "whisper-large-v3-turbo",
            "qwen3-vl-2b-instruct", "gemma-3-27b-it", "wan-2-1-t2v-1-3b",
        )
    ),
    _entry(f"{EXAMPLES}/hard/flux-1-dev.yaml"),
    _entry(f"{ENGINE_MODELS}/stable-diffusion-xl.yaml"),
)  # fmt: skip
"""Of the published matrix. A model that no engine is rendered for stays in it with what the plan says."""

OTHERS = (
    Entry("llama-3-1-8b-by-claim", ("models/llama-3-1-8b-instruct.yaml",), "claims"),
    Entry("weights-on-volumes", ("tests/matrix/others/on-fsx.yaml", "tests/matrix/others/on-efs.yaml"), "fsx"),
    Entry("by-kserve", ("tests/matrix/others/by-kserve.yaml",)),
    Entry("by-kserve-llm", ("tests/matrix/others/by-kserve-llm.yaml", "tests/matrix/others/by-kserve-nodes.yaml")),
)
"""What has to be taken and to schedule as well: claimed devices, volumes in one zone with jobs that fill them, and pods
that another controller keeps."""

FLEET = Entry(
    "fleet", tuple(sorted(str(path.relative_to(ROOT)) for path in (ROOT / EXAMPLES / "fleet").glob("*.yaml")))
)
"""Thirty models on nodes that they share."""


class Planned(Struct, frozen=True):
    """An entry under one strategy. `refusal` is the code of the error where the strategy cannot start its nodes."""

    plans: tuple[Plan, ...]
    workloads: tuple[Workload, ...]
    requests: tuple[CapacityRequest, ...]
    specs: tuple[NodeGroupSpec, ...]
    platform: LoadedPlatform
    node_objects: Mapping[str, Json]
    refusal: str | None = None

    @property
    def addresses(self) -> StorageAddresses:
        """Of storage that a deployment would have made."""
        region = self.platform.platform.region
        claims = [one.claim.name for one in self.workloads if one.claim is not None]
        fsx = self.platform.platform.storage.fsx
        return StorageAddresses(
            bucket="example-model-bucket",
            region=region,
            fsx=None if fsx is None else LustreAddress("fs-0123456789abcdef0", f"fs-0.{region}.aws", "abcd", fsx.zone),
            efs=EfsAddress("fs-0fedcba9876543210", {name: f"fsap-{name}" for name in claims}),
        )

    def manifests(self) -> dict[str, list[Json]]:
        """Every object by the file it is rendered to."""
        platform = self.platform.platform
        files = {
            f"{one.name}.yaml": [*model_manifests(one, self.addresses, monitored=platform.monitoring.is_on).values()]
            for one in self.workloads
        }
        priorities, shapes = priorities_of(self.workloads), shapes_of(self.workloads)
        files["platform.yaml"] = [*platform_manifests(platform, self.addresses.bucket, priorities, shapes).values()]
        if self.node_objects:
            files["nodes.yaml"] = [*node_manifests(platform, self.node_objects).values()]
        return files


@cache
def planned(entry: Entry, strategy: CapacityStrategy) -> Planned:
    """The entry's plan; workloads are empty where nothing serves the model."""
    return plan_anew(entry, strategy)


def plan_anew(entry: Entry, strategy: CapacityStrategy) -> Planned:
    """The same, from the files on."""
    models, target = _loaded(entry, strategy)
    fleet = fleet_of(models, target)
    target = replace(target, platform=with_lustre_shape(target.platform, fleet.plans))
    nothing = Planned(tuple(fleet.plans), (), (), (), target, {})
    try:
        images = images_of(target)
        workloads = workloads_of(models, fleet.plans, target, images)
        requests = capacity_requests(fleet, {key: image.size_bytes for key, image in images.items()})
        zones = target.platform.network.availability_zones
        plain = [capacity_spec(one, zones, target.platform.capacity.operating_system) for one in requests]
        # Names of placement groups, as a deployment would have told them.
        specs = tuple(placed_spec(one, {one.pool: f"group-of-{one.pool}"}) for one in plain)
        make = NODE_OBJECTS.get(strategy)
        objects = make(target.platform, specs) if make else {}
    except InputError as error:
        return replace(nothing, refusal=error.problems[0].code)
    return replace(nothing, workloads=workloads, requests=tuple(requests), specs=specs, node_objects=objects)


def _loaded(entry: Entry, strategy: CapacityStrategy) -> tuple[tuple[LoadedModel, ...], LoadedPlatform]:
    collector = Collector()
    file = ROOT / "platform.yaml" if entry.platform is None else PLATFORMS / f"{entry.platform}.yaml"
    target = load_target_platform(str(file), None, collector)
    models = load_models([str(ROOT / name) for name in entry.files], collector)
    collector.finish()
    assert target is not None
    capacity = target.platform.capacity.model_copy(update={"strategy": strategy})
    moved = replace(target, platform=target.platform.model_copy(update={"capacity": capacity}))
    return models, with_engines(moved, PlannedEngines.RENDERED)
