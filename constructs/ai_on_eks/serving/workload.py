"""A plan becomes a workload: the engine's settings, the pod around them, and what to warn of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from ai_on_eks.catalog.types import Vendor
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.schema import Shape
from ai_on_eks.errors import InputError, NothingFitsError, Problem
from ai_on_eks.placement.requirements import effective_precision
from ai_on_eks.placement.rules.capability import why_not_rendered
from ai_on_eks.placement.types import Placement, Plan
from ai_on_eks.placement.warnings import placement_text
from ai_on_eks.serving.autoscaling import autoscaling, autoscaling_problems, autoscaling_warnings, most_replicas
from ai_on_eks.serving.claims import claims_devices, device_claim
from ai_on_eks.serving.compile_ahead import Keeper, compile_job
from ai_on_eks.serving.drivers import driver_problems, driver_warnings
from ai_on_eks.serving.engines import ENGINES, ServingEngine, engine_parts
from ai_on_eks.serving.images import unpinned_warnings
from ai_on_eks.serving.ownership import ownership_labels
from ai_on_eks.serving.pod import pod_spec, programs_container
from ai_on_eks.serving.ray_cluster import ray_cluster
from ai_on_eks.serving.replica import EngineParts, Replica
from ai_on_eks.serving.schedulers import scheduler_of
from ai_on_eks.serving.shapes import shape_problems
from ai_on_eks.serving.torch_programs import copied, kept, program_store
from ai_on_eks.serving.traffic import router_images, sleep_problems, traffic
from ai_on_eks.serving.types import Group, ImageReference, RayCluster, Workload
from ai_on_eks.serving.weight_sync import IMAGE_KEY as SYNC_IMAGE_KEY
from ai_on_eks.serving.weight_sync import is_synced, sync_job, sync_problems
from ai_on_eks.serving.weight_volumes import weights_claim
from ai_on_eks.serving.weights import (
    UNPINNED,
    compiled_prefix,
    compiled_uri,
    isolation_problems,
    storage_problems,
)

FETCH_IMAGE_KEY = "weights-fetch"
DEVICE_MONITOR_KEYS: Mapping[Vendor, str] = {Vendor.NEURON: "neuron-monitor"}
"""Images by the vendor whose chart brings no monitor."""

RESERVED_NAMES = frozenset(
    {"aws", "cuda", "hf", "kubernetes", "nccl", "nvidia", "ray", "tei", "torch", "triton", "vllm"}
)
"""A Service of this name sets `<NAME>_PORT` and its like in pods that keep service links, and engines read them."""

TAKEN_NAMES: Mapping[str, str] = {
    "default": "the namespace's own service account has this name, and every pod without one would read the weights",
    "default-deny": "the network policy that closes the namespace has this name, and the model's would replace it",
    "monitoring": "the platform's alarms and dashboard have this name",
    "platform": "the platform's own objects have this name",
    "compile": "the jobs that compile programs share a network policy of this name",
    "weight-sync": "the job that copies weights has this name, and its account may write those of every model",
}
"""Names of objects that are there before any model, with what a model of that name would do to them."""

ACCELERATED_ROLLOUT = {"maxSurge": 0, "maxUnavailable": 1}
"""Every accelerator is taken, so a new pod only fits where an old one has gone."""
CPU_ROLLOUT = {"maxSurge": 1, "maxUnavailable": 1}
"""A new pod may start first where there is room; where there is none, one old pod makes it."""


def build_workload(plan: Plan, platform: Platform, images: Mapping[str, ImageReference]) -> Workload:
    """Everything the cluster has to know of one model. All problems are raised at once."""
    placement = _chosen(plan)
    image_key = _require_rendered(plan, placement)
    accelerator = placement.instance_type.accelerator
    monitor_key = None if accelerator is None else DEVICE_MONITOR_KEYS.get(accelerator.vendor)
    monitor_key = monitor_key if platform.monitoring.is_on else None
    descriptor = plan.descriptor
    sync_key = SYNC_IMAGE_KEY if is_synced(descriptor, platform) else None
    router_keys = router_images(descriptor, platform, placement)
    used_keys = (image_key, FETCH_IMAGE_KEY, monitor_key, sync_key, *router_keys)
    _raise_all((*_name_problems(plan), *_image_problems(used_keys, images), *sync_problems(descriptor, platform)))
    drivers = driver_problems(images[image_key], placement.instance_type, platform)
    _raise_all((*drivers, *storage_problems(descriptor, platform.storage)))
    claim = weights_claim(plan, placement, platform.storage)
    replica = Replica(
        descriptor=descriptor,
        inventory=plan.inventory,
        precision=effective_precision(descriptor),
        placement=placement,
        region=platform.region,
        image=images[image_key],
        seat=plan.seat,
        scheduler=scheduler_of(placement, platform.capacity.strategy),
        claims_devices=claims_devices(platform, placement),
        claim=claim,
        most_replicas=most_replicas(descriptor, platform, placement),
    )
    engine = ENGINES[placement.engine.name]
    scaling_problems = (
        *autoscaling_problems(descriptor, platform, placement),
        *sleep_problems(descriptor, platform, placement),
    )
    shaping = shape_problems(descriptor, platform, placement)
    _raise_all((*isolation_problems(descriptor, platform), *scaling_problems, *shaping, *engine.problems(replica)))
    parts, ray = engine_parts(engine, replica), ray_cluster(replica)
    fetch_image = images[FETCH_IMAGE_KEY]
    compiling = None
    if platform.model_store.compile_ahead and _is_compiled_ahead(replica, parts):
        compiling = compile_job(replica.name, pod_spec(replica, parts, fetch_image, replica.name), parts)
        replica = replace(replica, is_compiled_ahead=True)
        parts = engine_parts(engine, replica)
    programs = program_store(replica) if platform.model_store.torch_compile_ahead else None
    if programs is not None:
        keeper = Keeper(programs_container(replica, parts, kept(replica, programs), fetch_image), programs.account)
        compiling = compile_job(replica.name, pod_spec(replica, parts, fetch_image, replica.name), parts, keeper)
        parts = replace(parts, programs=copied(replica, programs))
    monitor = () if monitor_key is None else (images[monitor_key],)
    sync = () if sync_key is None else (images[sync_key],)
    routers = tuple(images[key] for key in router_keys)
    fetching = (fetch_image,) if parts.fetch or parts.programs else ()
    used_images = (replica.image, *fetching, *monitor, *sync, *routers)
    return Workload(
        name=descriptor.name,
        namespace=platform.namespace,
        labels=ownership_labels(descriptor, platform),
        replicas=placement.replicas,
        pod_spec=pod_spec(replica, parts, fetch_image, descriptor.name),
        config_maps=parts.config_maps,
        port=parts.ports.http,
        metrics_port=parts.ports.metrics,
        metrics_path=parts.ports.metrics_path,
        rollout=ACCELERATED_ROLLOUT if placement.accelerators_per_replica else CPU_ROLLOUT,
        service_account=descriptor.name,
        priority=plan.seat.priority,
        engine=placement.engine.name,
        usd_per_hour=_usd_per_hour(placement),
        device_monitor=next((image.reference for image in monitor), None),
        warnings=(
            *unpinned_warnings(used_images),
            *driver_warnings(replica.image, placement.instance_type, platform),
            *_revision_warnings(plan),
            *autoscaling_warnings(descriptor, platform, placement),
        ),
        compile_cache=_compile_cache(replica, parts),
        programs=programs,
        group=_group(engine, replica, fetch_image, ray),
        device_claim=device_claim(placement) if replica.claims_devices else None,
        claim=claim,
        autoscaling=autoscaling(descriptor, platform, placement, parts.probes.start),
        traffic=traffic(descriptor, platform, placement, parts.probes, images),
        start=parts.probes.start,
        sync=sync_job(plan, platform, images),
        compiling=compiling,
        shape=descriptor.serving.shape,
        ray=ray,
        model_uri=descriptor.source.uri if descriptor.serving.shape is Shape.LLM_INFERENCE_SERVICE else None,
    )


def _group(
    engine: ServingEngine, replica: Replica, fetch_image: ImageReference, ray: RayCluster | None
) -> Group | None:
    """The workers are told what the leader is, and that they are none. A cluster has a leader even of no one else."""
    nodes = replica.placement.nodes_per_replica
    if nodes == 1 and ray is None:
        return None
    worker = replace(replica, is_worker=True)
    return Group(nodes, pod_spec(worker, engine_parts(engine, worker), fetch_image, replica.name))


def _usd_per_hour(placement: Placement) -> float | None:
    """What the replicas take of their nodes: others may lie on the rest."""
    if placement.price is None:
        return None
    nodes = placement.replicas * placement.nodes_per_replica / placement.replicas_per_node
    return round(nodes * placement.price.usd_per_hour, 6)


def _is_compiled_ahead(replica: Replica, parts: EngineParts) -> bool:
    """Where the engine keeps its programs in the model store, and one pod is a whole replica."""
    return _compile_cache(replica, parts) is not None and replica.placement.nodes_per_replica == 1


def _compile_cache(replica: Replica, parts: EngineParts) -> str | None:
    """The prefix, where a variable of the engine leads there."""
    return compiled_prefix(replica) if compiled_uri(replica) in parts.environment.values() else None


def _chosen(plan: Plan) -> Placement:
    if plan.chosen is not None:
        return plan.chosen
    raise NothingFitsError(
        Problem(
            code="nothing-fits",
            message=f"no instance type of the catalogue serves {plan.descriptor.name}",
            path="name",
            value=plan.descriptor.name,
            fix="ai-on-eks plan --explain says what each one lacks",
        )
    )


def _name_problems(plan: Plan) -> tuple[Problem, ...]:
    name = plan.descriptor.name
    reason = TAKEN_NAMES.get(name)
    if name in RESERVED_NAMES:
        reason = "a service of this name sets environment variables that serving engines read"
    if reason is None:
        return ()
    return (
        Problem(
            code="name-reserved",
            message=reason,
            path="name",
            value=name,
            fix=f"name: {name}-model",
        ),
    )


def _require_rendered(plan: Plan, placement: Placement) -> str:
    """The key of the image, or why there is none: what was chosen is never exchanged for something else."""
    why = why_not_rendered(placement)
    if why is None and placement.image_key is not None:
        return placement.image_key
    rendered = next((other for other in plan.accepted if why_not_rendered(other) is None), None)
    fix = "remove engines: any from the platform file"
    if rendered is None:
        fix += ", and see with `ai-on-eks plan` what else keeps every placement that can be rendered from serving it"
    else:
        fix = f"set constraints.engines to [{rendered.engine.name}], or {fix}: {placement_text(rendered)}"
    raise InputError(
        Problem(
            code="placement-not-rendered",
            message=f"{why}, and the plan chose {placement_text(placement)}",
            path="constraints.engines",
            value=placement.engine.name,
            fix=fix,
        )
    )


def _image_problems(keys: Iterable[str | None], images: Mapping[str, ImageReference]) -> tuple[Problem, ...]:
    return tuple(
        Problem(
            code="image-missing",
            message=f"the images file has no entry for {key}",
            path=f"images.{key}",
            allowed=tuple(sorted(images)),
            fix=f"add images.{key}, or leave platform.images out to use the package's own file",
        )
        for key in keys
        if key is not None and key not in images
    )


def _revision_warnings(plan: Plan) -> tuple[str, ...]:
    source = plan.descriptor.source
    if source.revision is not None:
        return ()
    return (f"weights of {source.uri} are {UNPINNED}: source.revision names no commit, what is served can change",)


def _raise_all(problems: tuple[Problem, ...]) -> None:
    if problems:
        raise InputError(problems)
