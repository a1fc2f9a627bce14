"""Can this engine run this model on this device: builds, processor architecture, data types."""

from __future__ import annotations

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.catalog.types import Accelerator, Engine, InstanceType, Vendor
from ai_on_eks.descriptors.inventory import KeyValueState
from ai_on_eks.descriptors.platform import PlannedEngines
from ai_on_eks.descriptors.schema import Descriptor
from ai_on_eks.placement.requirements import Requirements
from ai_on_eks.placement.types import Candidate, Placement
from ai_on_eks.placement.violations import Violation, Words, stated


def image_key(engine: Engine, instance_type: InstanceType) -> str | None:
    """The image of `engine` for the type's device: by compute capability, else for any NVIDIA device, else for CPU."""
    accelerator = instance_type.accelerator
    if accelerator is None:
        return engine.images.get("cpu")
    if engine.accelerators and accelerator.name not in engine.accelerators:
        return None
    if accelerator.vendor is not Vendor.NVIDIA or accelerator.compute_capability is None:
        return engine.images.get(accelerator.vendor.value) if accelerator.vendor is Vendor.NEURON else None
    major, minor = accelerator.compute_capability
    return engine.images.get(f"{major}.{minor}") or engine.images.get("nvidia")


def engine_runs_on_device(candidate: Candidate, _: Requirements, __: Catalog) -> Violation | None:
    engine, accelerator = candidate.engine, candidate.instance_type.accelerator
    if image_key(engine, candidate.instance_type) is not None or runs_unpackaged(engine, accelerator):
        return None
    if engine.accelerators:
        return stated(f"{engine.title} {engine.version} runs on {', '.join(engine.accelerators)} only")
    if accelerator is None:
        return stated(f"{engine.title} {engine.version} is not served on CPU by this package")
    if engine.deployed and accelerator.vendor is Vendor.NVIDIA and accelerator.compute_capability is not None:
        capability = ".".join(map(str, accelerator.compute_capability))
        why = engine.withheld_images.get(capability)
        if why is not None:
            return stated(f"{engine.title} {engine.version} is not used on compute capability {capability}: {why}")
        return stated(f"{engine.title} {engine.version} has no image for compute capability {capability}")
    return stated(f"{engine.title} {engine.version} has no build for {accelerator.title}")


def runs_unpackaged(engine: Engine, accelerator: Accelerator | None) -> bool:
    """An engine that is sized only has no image here; its other fields tell where its publisher's build runs."""
    if engine.deployed:
        return False
    if accelerator is None:
        return bool(engine.cpu_weights)
    return accelerator.name in engine.accelerators if engine.accelerators else accelerator.vendor is Vendor.NVIDIA


def engine_runs_on_architecture(candidate: Candidate, _: Requirements, __: Catalog) -> Violation | None:
    engine, architecture = candidate.engine, candidate.instance_type.architecture
    if architecture in engine.architectures:
        return None
    built = ", ".join(engine.architectures)
    return stated(f"the node is {architecture}, {engine.title} {engine.version} is built for {built}")


def precision_supported(candidate: Candidate, requirements: Requirements, _: Catalog) -> Violation | None:
    engine, accelerator = candidate.engine, candidate.instance_type.accelerator
    weights = requirements.precision.weights.value
    if accelerator is None:
        if weights in engine.cpu_weights:
            return None
        return stated(f"{engine.title} {engine.version} runs {', '.join(engine.cpu_weights)} on CPU, not {weights}")
    required = engine.min_compute_capability.get(weights)
    if required is None:
        served = ", ".join(sorted(engine.min_compute_capability))
        fix = f"choose precision.weights among {served}, or another engine"
        return stated(f"{engine.title} {engine.version} serves {served}, not {weights}", fix)
    present = accelerator.compute_capability
    if present is not None and present < required:
        return stated(
            f"{weights} needs compute capability {required[0]}.{required[1]}, "
            f"{accelerator.title} has {present[0]}.{present[1]}",
            "choose another precision.weights, or allow accelerators that compute in it",
        )
    return None


def scheme_supported(candidate: Candidate, requirements: Requirements, _: Catalog) -> Violation | None:
    """An engine that reads checkpoints of some quantization methods only. Without a method nothing is known of it."""
    engine, precision = candidate.engine, requirements.precision
    read = engine.schemes.get(precision.weights.value)
    if read is None or precision.scheme is None or precision.scheme in read:
        return None
    return stated(
        f"{engine.title} {engine.version} reads {precision.weights.value} of {', '.join(read)}, not {precision.scheme}",
        f"take a checkpoint made by {read[-1]}, or another engine",
    )


def prompts_in_chunks(candidate: Candidate, requirements: Requirements, _: Catalog) -> Violation | None:
    """Where latents are cached, an engine may compute a prompt in one pass only: that is as long as a batch is."""
    engine, accelerator = candidate.engine, candidate.instance_type.accelerator
    longest, required = engine.memory.chunks_above_tokens, engine.chunks_latents_from
    present = accelerator.compute_capability if accelerator else None
    if required is None or longest is None or accelerator is None or present is None or present >= required:
        return None
    caches_latents = any(
        isinstance(state, KeyValueState) and state.is_replicated for state in requirements.inventory.states
    )
    if not caches_latents or requirements.load.context_tokens <= longest:
        return None
    return stated(
        f"{engine.title} {engine.version} computes prompts of models that cache latents in one pass on "
        f"{accelerator.title}, at most {longest:,} tokens, and {requirements.load.context_tokens:,} are asked for",
        f"set serving.context_tokens to {longest}, or take accelerators of compute capability "
        f"{required[0]}.{required[1]}",
    )


def cache_precision_supported(candidate: Candidate, requirements: Requirements, _: Catalog) -> Violation | None:
    """Only a cache whose data type was asked for can be wrong: `auto` follows the weights, which were judged."""
    accelerator = candidate.instance_type.accelerator
    data_type = requirements.precision.kv_cache.value
    required = candidate.engine.cache_min_compute_capability.get(data_type)
    present = accelerator.compute_capability if accelerator else None
    if accelerator is None or required is None or present is None or present >= required:
        return None
    return stated(
        f"a cache in {data_type} needs compute capability {required[0]}.{required[1]}, "
        f"{accelerator.title} has {present[0]}.{present[1]}",
        "set precision.kv_cache to auto",
    )


def decodes(candidate: Candidate, requirements: Requirements, _: Catalog) -> Violation | None:
    """A network traced for one shape hands nothing on from token to token, except beside an encoder's output."""
    engine, states = candidate.engine, requirements.inventory.states
    if engine.decodes or not states:
        return None
    if any(isinstance(state, KeyValueState) and state.fixed_tokens is not None for state in states):
        return None
    return stated(f"{engine.title} {engine.version} traces a network for one shape and keeps no cache for a decoder")


def rendered(placement: Placement, requirements: Requirements) -> Violation | None:
    """Only where it is asked for: a plan that nothing is deployed for is an answer all the same."""
    if requirements.platform.engines is not PlannedEngines.RENDERED:
        return None
    why = why_not_taken(placement, requirements.descriptor)
    return None if why is None else Violation(_not_rendered, (why,))


def why_not_rendered(placement: Placement) -> str | None:
    """Why no workload is rendered for the placement yet; None where one is."""
    engine, nodes = placement.engine, placement.nodes_per_replica
    if placement.image_key is None:
        reason = "" if engine.undeployed is None else f": {engine.undeployed}"
        return f"no workload is rendered for {engine.title} yet{reason}"
    is_reached = engine.reaches_fabric or not placement.instance_type.efa_interfaces
    if nodes > 1 and not (engine.grouped and is_reached):
        return f"no workload is rendered for {engine.title} on {nodes} nodes: its image has no libraries for EFA"
    return None


def why_not_taken(placement: Placement, descriptor: Descriptor) -> str | None:
    """Why what is to be deployed does not run on the placement: there is no workload, or nobody asked for its engine.
    Who names an accelerator or a family that only such engines run on asks for them."""
    why, engine, constraints = why_not_rendered(placement), placement.engine, descriptor.constraints
    kind = placement.instance_type
    is_named = engine.name in constraints.engines
    where = "constraints.engines names it"
    if kind.accelerator is not None and kind.accelerator.vendor is Vendor.NEURON:
        is_named |= kind.accelerator.name in constraints.accelerators or kind.family in constraints.instance_families
        where = "constraints name it, its accelerator or its instance family"
    reason = engine.by_name or engine.by_name_tasks.get(descriptor.task or "")
    if why is not None or reason is None or is_named:
        return why
    return f"{engine.title} is taken where {where}: {reason}"


def _not_rendered(why: str) -> Words:
    return Words(why, None, "plan it all the same with `plan --engines any`")
