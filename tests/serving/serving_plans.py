"""Plans built by hand from the frozen types: what serving does must not depend on the catalogue's figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from ai_on_eks.catalog.types import (
    Accelerator,
    Engine,
    EngineHost,
    EngineMemory,
    InstanceType,
    PurchaseRoute,
    Vendor,
)
from ai_on_eks.descriptors.image_generation import ImageRequest
from ai_on_eks.descriptors.inventory import Activations, Inventory, Item, Operations
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.platform_network import Network
from ai_on_eks.descriptors.schema import (
    Architecture,
    Descriptor,
    Family,
    Format,
    Kind,
    Precision,
    Serving,
    Source,
    Storage,
    WeightPrecision,
)
from ai_on_eks.performance.types import Estimates
from ai_on_eks.placement.types import Placement, Plan
from ai_on_eks.serving.types import ImageReference
from ai_on_eks.sizing.types import HostMemory, MemoryDemand, RankMemory
from ai_on_eks.units import GIB, MIB

REVISION = "0e9e39f249a16976918f6564b8830bc894c89659"
DIGEST = f"sha256:{'a' * 64}"

PLATFORM = Platform(name="demo", region="us-east-1", network=Network(availability_zones=("us-east-1a", "us-east-1b")))

IMAGES = {
    key: ImageReference(key, repository, tag, DIGEST, "2026-11-24", GIB, cuda="13.0", neuron_sdk="2.31.0")
    for key, repository, tag in (
        ("vllm", "docker.io/vllm/vllm-openai", "v0.33.0"),
        ("llama-cpp", "ghcr.io/ggml-org/llama.cpp", "server-b11347"),
        ("llama-cpp-cuda", "ghcr.io/ggml-org/llama.cpp", "server-cuda-b11347"),
        ("sglang", "docker.io/lmsysorg/sglang", "v0.5.23"),
        ("nxd-inference", "public.ecr.aws/neuron/pytorch-inference-vllm-neuronx", "0.13.0-sdk2.28.0"),
        ("torch-neuronx", "public.ecr.aws/neuron/pytorch-inference-vllm-neuronx", "0.13.0-sdk2.28.0"),
        ("vllm-neuron", "public.ecr.aws/neuron/pytorch-inference-vllm-neuronx", "0.24.0.1.1.0-sdk2.32.0"),
        ("vllm-efa", "public.ecr.aws/deep-learning-containers/vllm", "0.28.0-gpu-py312-cu130-ubuntu24.04-ec2"),
        ("vllm-omni", "docker.io/vllm/vllm-omni", "v0.28.0"),
        ("vllm-ray", "docker.io/rayproject/ray-llm", "2.58.0-py312-cu130"),
        ("tei-89", "ghcr.io/huggingface/text-embeddings-inference", "89-1.9"),
        ("tensorflow-serving", "docker.io/tensorflow/serving", "2.20.0"),
        ("tensorflow-serving-cuda", "docker.io/tensorflow/serving", "2.20.0-gpu"),
        ("tensorrt-llm", "nvcr.io/nvidia/tensorrt-llm/release", "1.2.1"),
        ("triton", "nvcr.io/nvidia/tritonserver", "26.07-py3"),
        ("neuron-monitor", "public.ecr.aws/neuron/neuron-monitor", "1.10.0"),
        ("weights-fetch", "public.ecr.aws/aws-cli/aws-cli", "2.36.46"),
        ("endpoint-picker", "ghcr.io/llm-d/llm-d-router-endpoint-picker", "v0.10.0"),
        ("router-proxy", "docker.io/envoyproxy/envoy", "distroless-v1.38.9"),
        ("weight-sync", "docker.io/kserve/storage-initializer", "v0.20.0"),
    )
}

L40S = Accelerator(
    name="nvidia-l40s",
    vendor=Vendor.NVIDIA,
    title="NVIDIA L40S",
    memory_bytes=45776 * MIB,
    bandwidth_bytes_per_second=864e9,
    dense_flops={"bf16": 362e12},
    link_bytes_per_second=0.0,
    link="pcie",
    compute_capability=(8, 9),
    resource_name="nvidia.com/gpu",
    source="test",
)


def instance_type(name: str, accelerators: int, vcpus: int, memory_gib: int, network_gbps: float) -> InstanceType:
    """A node whose kubelet keeps 100 millicores and 2 GiB."""
    return InstanceType(
        name=name,
        family=name.partition(".")[0],
        vcpus=vcpus,
        memory_bytes=memory_gib * GIB,
        architecture="x86_64",
        accelerator=L40S if accelerators else None,
        accelerator_count=accelerators,
        accelerator_memory_bytes=L40S.memory_bytes if accelerators else 0,
        network_gbps=network_gbps,
        network_cards=1,
        efa_interfaces=0,
        local_nvme_bytes=0,
        max_pods=58,
        allocatable_cpu_millicores=vcpus * 1000 - 100,
        allocatable_memory_bytes=(memory_gib - 2) * GIB,
        ami_type="AL2023_x86_64_NVIDIA",
        purchase_routes=(PurchaseRoute.ON_DEMAND,),
        price=None,
        cpu_flops_per_vcpu=None,
        memory_bandwidth_bytes_per_second=None,
        served=True,
        not_served_reason=None,
    )


G6E_XLARGE = instance_type("g6e.xlarge", 1, 4, 32, 2.5)
G6E_12XLARGE = instance_type("g6e.12xlarge", 4, 48, 384, 100.0)
M7I_XLARGE = instance_type("m7i.xlarge", 0, 4, 16, 1.5)


def engine(name: str) -> Engine:
    """An engine of which serving reads the name, and whether it streams."""
    return Engine(
        name=name,
        version="1",
        title=name,
        kinds=(),
        families=(),
        formats=(),
        images={},
        architectures=(),
        min_compute_capability={},
        cpu_weights=(),
        tensor_parallel=False,
        memory=EngineMemory(
            memory_fraction=1.0,
            overhead_bytes=0,
            overhead_bytes_parallel=0,
            sampler_copies=0.0,
            graph_bytes=0,
            block_tokens=1,
            batch_limits=(),
            host=EngineHost(streams_from_object_storage=name == "vllm"),
        ),
        source="test",
    )


def memory(
    *,
    weights_bytes: int,
    fraction: float,
    batched_tokens: int,
    sequences: int,
    host_bytes: int,
    shared_bytes: int = 0,
    buffer_bytes: int = 0,
) -> MemoryDemand:
    """A demand of which serving reads the figures given."""
    rank = RankMemory(
        memory_bytes=L40S.memory_bytes,
        memory_fraction=fraction,
        budget_bytes=0,
        weights_bytes=weights_bytes,
        activation_bytes=0,
        overhead_bytes=0,
        kv_cache_bytes=0,
        kv_bytes_per_token=0,
        kv_cache_tokens=0,
        headroom_bytes=0,
        max_batched_tokens=batched_tokens,
        max_sequences=sequences,
        terms=(),
    )
    host = HostMemory(
        memory_bytes=host_bytes,
        shared_memory_bytes=shared_bytes,
        ephemeral_bytes=4 * GIB,
        terms=(),
        loading_buffer_bytes=buffer_bytes,
    )
    return MemoryDemand(
        weights_bytes=weights_bytes,
        kv_bytes_per_token=0,
        rank=rank,
        host=host,
        sequences_per_replica=sequences,
        fits=True,
        reasons=(),
    )


def inventory(item: Item) -> Inventory:
    """A model that serving looks at no closer."""
    return Inventory(
        architecture="any",
        item=item,
        tensors=(),
        states=(),
        operations=Operations(per_item=0),
        activations=Activations(per_item=0),
        layers=1,
        hidden_size=1,
    )


def placement(engine_name: str, image_key: str, node: InstanceType, demand: MemoryDemand, **changes: Any) -> Placement:
    """One replica on one node."""
    plain = Placement(
        instance_type=node,
        engine=engine(engine_name),
        image_key=image_key,
        tensor_parallel=1,
        pipeline_parallel=1,
        nodes_per_replica=1,
        replicas=1,
        replicas_per_node=1,
        nodes=1,
        sequences_per_replica=16,
        max_model_len=1,
        memory=demand,
        estimates=Estimates(None, None, None, None, "roofline"),
        price=None,
        usd_per_hour=None,
        cpu_request_millicores=2000,
    )
    return replace(plain, **changes)


def plan(descriptor: Descriptor, chosen: Placement, item: Item) -> Plan:
    return Plan(
        descriptor=descriptor,
        inventory=inventory(item),
        region="us-east-1",
        chosen=chosen,
        alternatives=(),
        rejected=(),
        warnings=(),
        accepted=(chosen,),
    )


def llama(**changes: Any) -> Plan:
    """8 billion parameters in BF16 on one accelerator."""
    settings: dict[str, Any] = {
        "name": "llama-8b",
        "kind": Kind.FOUNDATION,
        "source": Source(uri="hf://meta-llama/Llama-3.1-8B-Instruct", revision=REVISION, format=Format.SAFETENSORS),
        "architecture": Architecture(family=Family.TRANSFORMER),
        "precision": Precision(weights=WeightPrecision.BF16),
        **changes,
    }
    demand = memory(
        weights_bytes=16_000_000_000,
        fraction=0.92,
        batched_tokens=2048,
        sequences=256,
        host_bytes=16 * GIB,
        buffer_bytes=2 * GIB,
    )
    chosen = placement("vllm", "vllm", G6E_XLARGE, demand, max_model_len=16384)
    return plan(Descriptor(**settings), chosen, Item.TOKEN)


def llama_70b(**changes: Any) -> Plan:
    """70 billion parameters over four accelerators, two replicas."""
    small = llama(name="llama-70b", **changes)
    demand = memory(
        weights_bytes=141_000_000_000,
        fraction=0.9,
        batched_tokens=8192,
        sequences=1024,
        host_bytes=64 * GIB,
        shared_bytes=6 * GIB,
        buffer_bytes=2 * GIB,
    )
    chosen = placement(
        "vllm",
        "vllm",
        G6E_12XLARGE,
        demand,
        tensor_parallel=4,
        replicas=2,
        nodes=2,
        sequences_per_replica=4,
        max_model_len=32768,
        cpu_request_millicores=9000,
    )
    return replace(small, chosen=chosen)


def llama_on_two_nodes(*, efa_interfaces: int = 1, replicas: int = 1) -> Plan:
    """The same over two nodes of four accelerators each, tensor parallelism in a node and a stage on each."""
    plan_ = llama_70b()
    assert plan_.chosen is not None
    node = replace(G6E_12XLARGE, efa_interfaces=efa_interfaces)
    chosen = replace(
        plan_.chosen,
        instance_type=node,
        engine=replace(plan_.chosen.engine, grouped=True),
        image_key="vllm-efa" if efa_interfaces else "vllm",
        tensor_parallel=4,
        pipeline_parallel=2,
        nodes_per_replica=2,
        replicas=replicas,
        nodes=2 * replicas,
    )
    return replace(plan_, chosen=chosen)


def bge(**changes: Any) -> Plan:
    """An embedding model in FP16."""
    settings: dict[str, Any] = {
        "name": "bge-large",
        "kind": Kind.EMBEDDING,
        "source": Source(uri="hf://BAAI/bge-large-en-v1.5", revision=REVISION, format=Format.SAFETENSORS),
        "architecture": Architecture(family=Family.TRANSFORMER),
        "precision": Precision(weights=WeightPrecision.FP16),
        "serving": Serving(context_tokens=512, concurrency=64, batch=32),
        **changes,
    }
    demand = memory(weights_bytes=670_000_000, fraction=1.0, batched_tokens=32 * 512, sequences=32, host_bytes=4 * GIB)
    chosen = placement("tei", "tei-89", G6E_XLARGE, demand, max_model_len=512)
    return plan(Descriptor(**settings), chosen, Item.TOKEN)


def resnet(**changes: Any) -> Plan:
    """An ONNX classifier on CPU, three replicas."""
    settings: dict[str, Any] = {
        "name": "resnet-50",
        "kind": Kind.TASK_SPECIFIC,
        "source": Source(uri="hf://onnxmodelzoo/resnet50-v1-12", file="resnet50-v1-12.onnx", format=Format.ONNX),
        "architecture": Architecture(family=Family.CNN),
        "precision": Precision(weights=WeightPrecision.FP32),
        "serving": Serving(concurrency=64, batch=32),
        **changes,
    }
    demand = memory(weights_bytes=102_000_000, fraction=1.0, batched_tokens=32, sequences=32, host_bytes=3 * GIB + 1)
    chosen = placement("triton", "triton", M7I_XLARGE, demand, replicas=3, nodes=3)
    return plan(Descriptor(**settings), chosen, Item.IMAGE)


def resnet_on_accelerator(accelerators: int = 1) -> Plan:
    """The same model on an accelerator, or on several."""
    on_cpu = resnet()
    assert on_cpu.chosen is not None
    kind = G6E_XLARGE if accelerators == 1 else G6E_12XLARGE
    chosen = replace(on_cpu.chosen, instance_type=kind, tensor_parallel=accelerators, replicas=1, nodes=1)
    return replace(on_cpu, chosen=chosen)


def torchscript(**changes: Any) -> Plan:
    """The same network as a TorchScript archive, on an accelerator."""
    source = Source(uri="s3://ours/resnet", revision=REVISION, file="resnet50.pt", format=Format.PYTORCH)
    return resnet(**{"source": source, "task": "image-classification", **changes})


def savedmodel(*, accelerators: int = 1, **changes: Any) -> Plan:
    """The same network as a SavedModel, on an accelerator or on a processor."""
    source = Source(uri="s3://ours/resnet", revision=REVISION, format=Format.TENSORFLOW)
    on_cpu = resnet(**{"source": source, **changes})
    assert on_cpu.chosen is not None
    chosen = replace(
        on_cpu.chosen,
        engine=engine("tensorflow-serving"),
        image_key="tensorflow-serving-cuda" if accelerators else "tensorflow-serving",
        instance_type=G6E_XLARGE if accelerators else M7I_XLARGE,
    )
    return replace(on_cpu, chosen=chosen)


def flux(*, pipeline: str = "FluxPipeline", asked: Mapping[str, Any] | None = None, **changes: Any) -> Plan:
    """A pipeline that makes images of 1024 × 1024 pixels."""
    settings: dict[str, Any] = {
        "name": "flux",
        "kind": Kind.FOUNDATION,
        "precision": Precision(weights=WeightPrecision.BF16),
        "source": Source(uri="hf://black-forest-labs/FLUX.1-dev", revision=REVISION, format=Format.SAFETENSORS),
        "architecture": Architecture(family=Family.DIFFUSION, config={"_class_name": pipeline}),
        "serving": Serving(concurrency=1),
        **changes,
    }
    demand = memory(
        weights_bytes=33_700_000_000,
        fraction=1.0,
        batched_tokens=1,
        sequences=1,
        host_bytes=42 * GIB,
        shared_bytes=4 * GIB,
    )
    chosen = placement("vllm-omni", "vllm-omni", G6E_12XLARGE, demand)
    omni = replace(chosen.engine, adapted_types=("PixArtSigmaPipeline",))
    found = plan(Descriptor(**settings), replace(chosen, engine=omni), Item.IMAGE)
    usual = {"width": 1024, "height": 1024, "steps": 28, "guided": False, "scale": 8, "multiple": 16}
    request = ImageRequest(**{**usual, **(asked or {})})
    return replace(found, inventory=replace(found.inventory, image=request))


def llama_70b_sglang(**changes: Any) -> Plan:
    """The same on another engine."""
    plan_ = llama_70b(**changes)
    assert plan_.chosen is not None
    chosen = replace(plan_.chosen, engine=engine("sglang"), image_key="sglang")
    return replace(plan_, chosen=chosen)


def llama_70b_tensorrt_llm(**changes: Any) -> Plan:
    """The same on a third engine."""
    plan_ = llama_70b(**changes)
    assert plan_.chosen is not None
    chosen = replace(plan_.chosen, engine=engine("tensorrt-llm"), image_key="tensorrt-llm")
    return replace(plan_, chosen=chosen)


INFERENTIA2 = replace(
    L40S,
    name="inferentia2",
    vendor=Vendor.NEURON,
    title="AWS Inferentia2",
    compute_capability=None,
    resource_name="aws.amazon.com/neuron",
    cores=2,
)
TRAINIUM2 = replace(INFERENTIA2, name="trainium2", title="AWS Trainium2", cores=8, cores_per_rank=2)


def neuron_node(name: str, accelerator: Accelerator, accelerators: int) -> InstanceType:
    """A node with Neuron devices."""
    return replace(instance_type(name, accelerators, 192, 768, 100.0), accelerator=accelerator)


def llama_on_inferentia2(**changes: Any) -> Plan:
    """8 billion parameters over the four cores of two devices, for eight sequences."""
    demand = memory(weights_bytes=16_000_000_000, fraction=1.0, batched_tokens=4096, sequences=8, host_bytes=32 * GIB)
    node = neuron_node("inf2.24xlarge", INFERENTIA2, 6)
    chosen = placement("nxd-inference", "nxd-inference", node, demand, tensor_parallel=4, max_model_len=4096)
    return replace(llama(**changes), chosen=chosen)


def llama_on_trainium2(**changes: Any) -> Plan:
    """The same over the eight logical cores of two devices, its ranks in processes of their own."""
    demand = memory(
        weights_bytes=16_000_000_000,
        fraction=1.0,
        batched_tokens=4096,
        sequences=8,
        host_bytes=32 * GIB,
        shared_bytes=4 * GIB,
    )
    node = neuron_node("trn2.48xlarge", TRAINIUM2, 16)
    chosen = placement("vllm-neuron", "vllm-neuron", node, demand, tensor_parallel=8, max_model_len=4000)
    return replace(llama(**changes), chosen=chosen)


def llama_gguf(*, accelerators: int = 1, **changes: Any) -> Plan:
    """8 billion parameters in blocks of 4 bit, on accelerators or on a processor, for four sequences."""
    settings: dict[str, Any] = {
        "source": Source(uri="s3://ours/llama", file="q4/llama-q4_k_m.gguf", format=Format.GGUF),
        "precision": Precision(weights=WeightPrecision.INT4, scheme="gguf:q4_k_m"),
        **changes,
    }
    demand = memory(weights_bytes=4_900_000_000, fraction=1.0, batched_tokens=512, sequences=256, host_bytes=6 * GIB)
    node = {0: M7I_XLARGE, 1: G6E_XLARGE}.get(accelerators, G6E_12XLARGE)
    chosen = placement(
        "llama-cpp",
        "llama-cpp-cuda" if accelerators else "llama-cpp",
        node,
        demand,
        pipeline_parallel=max(1, accelerators),
        sequences_per_replica=4,
        max_model_len=4000,
    )
    blocks = replace(chosen.engine, memory=replace(chosen.engine.memory, block_tokens=256))
    return replace(llama(name="llama-gguf", **settings), chosen=replace(chosen, engine=blocks))


ALL_PLANS = {
    "vllm on one accelerator": llama(),
    "vllm on four accelerators": llama_70b(),
    "vllm on two nodes": llama_on_two_nodes(),
    "vllm from the hub": llama(storage=Storage.NODE),
    "llama.cpp on an accelerator": llama_gguf(),
    "llama.cpp on four accelerators": llama_gguf(accelerators=4),
    "llama.cpp on cpu": llama_gguf(accelerators=0),
    "nxd inference on inferentia2": llama_on_inferentia2(),
    "sglang on four accelerators": llama_70b_sglang(),
    "tensorrt-llm on four accelerators": llama_70b_tensorrt_llm(),
    "vllm on trainium2": llama_on_trainium2(),
    "tei on an accelerator": bge(),
    "vllm-omni on an accelerator": flux(),
    "tensorflow serving on an accelerator": savedmodel(),
    "tensorflow serving on cpu": savedmodel(accelerators=0),
    "tei from the hub": bge(storage=Storage.NODE),
    "triton on cpu": resnet(),
    "triton with a script": torchscript(),
    "triton on an accelerator": resnet_on_accelerator(),
}
