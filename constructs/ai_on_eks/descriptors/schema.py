"""The descriptor: what a model is and what is asked of it. The JSON Schema for editors is made from these classes.

Every default stands here and nowhere else. Units are in the names; an unknown key is an error.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ai_on_eks.descriptors import patterns
from ai_on_eks.descriptors.image_generation import Offload


class Strict(BaseModel):
    """What users write: unknown keys and silent conversions are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Kind(StrEnum):
    FOUNDATION = "foundation"
    TASK_SPECIFIC = "task-specific"
    EMBEDDING = "embedding"


class Family(StrEnum):
    TRANSFORMER = "transformer"
    CNN = "cnn"
    DIFFUSION = "diffusion"
    SSM = "ssm"
    HYBRID = "hybrid"


class Format(StrEnum):
    SAFETENSORS = "safetensors"
    PYTORCH = "pytorch"
    ONNX = "onnx"
    TENSORFLOW = "tensorflow"
    GGUF = "gguf"


class WeightPrecision(StrEnum):
    FP32 = "fp32"
    FP16 = "fp16"
    BF16 = "bf16"
    FP8 = "fp8"
    INT8 = "int8"
    INT4 = "int4"
    MXFP4 = "mxfp4"
    NVFP4 = "nvfp4"


class CachePrecision(StrEnum):
    AUTO = "auto"
    FP16 = "fp16"
    BF16 = "bf16"
    FP8 = "fp8"


class Storage(StrEnum):
    S3 = "s3"
    FSX = "fsx"
    EFS = "efs"
    NODE = "node"


class AcceleratorSharing(StrEnum):
    MIG = "mig"
    TIME_SLICING = "time-slicing"


class CapacityType(StrEnum):
    ON_DEMAND = "on-demand"
    SPOT = "spot"
    CAPACITY_BLOCK = "capacity-block"


class Policy(StrEnum):
    COST = "cost"
    LATENCY = "latency"
    THROUGHPUT = "throughput"
    HEADROOM = "headroom"


class Shape(StrEnum):
    INFERENCE_SERVICE = "inference-service"
    LLM_INFERENCE_SERVICE = "llm-inference-service"


Name = Annotated[str, StringConstraints(pattern=patterns.NAME.expression)]
Task = Annotated[str, StringConstraints(pattern=patterns.TASK.expression)]
Uri = Annotated[str, StringConstraints(pattern=patterns.URI.expression, max_length=512)]
Revision = Annotated[str, StringConstraints(pattern=patterns.REVISION.expression, max_length=64)]
RelativeFile = Annotated[str, StringConstraints(pattern=patterns.RELATIVE_FILE.expression, max_length=255)]
Scheme = Annotated[str, StringConstraints(pattern=patterns.SCHEME.expression, max_length=32)]
AcceleratorName = Annotated[str, StringConstraints(pattern=patterns.ACCELERATOR.expression)]
EngineName = Annotated[str, StringConstraints(pattern=patterns.ENGINE.expression)]
InstanceFamily = Annotated[str, StringConstraints(pattern=patterns.INSTANCE_FAMILY.expression)]


class Source(Strict):
    """Where the weights come from."""

    uri: Uri = Field(description="hf://org/name, s3://bucket/prefix, https://… or file://…")
    revision: Revision | None = Field(
        default=None, description="commit hash on the hub; without one the plan warns that the weights are not pinned"
    )
    file: RelativeFile | None = Field(
        default=None,
        description="file in the source, where one has to be named (ONNX, GGUF, TorchScript); default: the only one",
    )
    format: Format = Field(description="file format of the weights")


class Architecture(Strict):
    """What the model is: a config (path or inline hyper-parameters) or only a parameter count."""

    family: Family = Field(description="what kind of network it is")
    config: str | dict[str, Any] | None = Field(
        default=None,
        description="path to the model's own config.json (relative to the descriptor), or its hyper-parameters",
    )
    parameters: int | None = Field(
        default=None,
        ge=1,
        le=10**14,
        description="number of parameters, when nothing more is known; the answer is marked as estimated",
    )


class Precision(Strict):
    """Data types. `scheme` names the quantization method (awq, gptq, gguf:q4_k_m)."""

    weights: WeightPrecision = Field(description="data type of the stored weights")
    scheme: Scheme | None = Field(default=None, description="quantization method; default: none, plain data type")
    kv_cache: CachePrecision = Field(
        default=CachePrecision.AUTO, description="auto = the data type the weights compute in"
    )


class Targets(Strict):
    """What the service has to reach. Each absent target asks for nothing."""

    ttft_ms: float | None = Field(
        default=None,
        gt=0,
        description="time to first token of a full-length prompt, or latency of one batch, in milliseconds",
    )
    tpot_ms: float | None = Field(
        default=None, gt=0, description="time per output token of one sequence, in milliseconds"
    )
    items_per_second: float | None = Field(
        default=None, gt=0, description="embeddings or images per second over all replicas"
    )
    output_tokens_per_second: float | None = Field(default=None, gt=0, description="over all replicas")


class Image(Strict):
    """What a diffusion model is asked for. Everything left out is as the model's own pipeline has it."""

    width: int | None = Field(
        default=None, ge=8, le=16_384, description="pixels; default: the resolution the model was trained on"
    )
    height: int | None = Field(
        default=None, ge=8, le=16_384, description="pixels; default: the resolution the model was trained on"
    )
    frames: int | None = Field(
        default=None,
        ge=1,
        le=100_000,
        description="of a video, a multiple of the model's frame scale and one more; default: the pipeline's own",
    )
    steps: int | None = Field(default=None, ge=1, le=1000, description="denoising steps; default: the pipeline's own")
    guidance: bool | None = Field(
        default=None,
        description="a second pass per step without the prompt (classifier-free guidance); default: the pipeline's own",
    )
    batch: int = Field(default=1, ge=1, le=256, description="images made at once")
    offload: Offload = Field(
        default=Offload.NONE,
        description="none: all networks stay on the accelerator; model: only the one at work, others in host memory",
    )
    vae_tiling: bool = Field(default=False, description="decode large images tile by tile: less memory, visible seams")
    vae_slicing: bool = Field(default=False, description="decode the images of a batch one after the other")


class Serving(Strict):
    """The load and what it must reach."""

    context_tokens: int | None = Field(
        default=None,
        ge=1,
        le=10_000_000,
        description="prompt plus output of the longest sequence; default: the model's own maximum, at most 8192",
    )
    output_tokens: int = Field(
        default=256, ge=1, le=10_000_000, description="output of a typical sequence, for estimates"
    )
    prompt_tokens: int | None = Field(
        default=None,
        ge=1,
        le=10_000_000,
        description="prompt of a typical sequence, for estimates; default: all of the context but the output",
    )
    concurrency: int = Field(default=8, ge=1, le=100_000, description="sequences or images in flight over all replicas")
    requests_per_second: float | None = Field(
        default=None,
        gt=0,
        le=1_000_000,
        description="arrivals at the busiest time, over all replicas; instead of concurrency, which follows from it",
    )
    batch: int = Field(default=8, ge=1, le=4096, description="items of one forward pass of an encoder or CNN")
    minimum_replicas: int = Field(default=1, ge=1, le=1000, description="copies that must serve even without load")
    maximum_replicas: int | None = Field(
        default=None, ge=1, le=10_000, description="copies that autoscaling may add up to; default: those planned"
    )
    scale_to_zero: bool = Field(
        default=False,
        description="no copy runs while nobody asks; the first request waits as long as one takes to start",
    )
    spare_replicas: int = Field(
        default=0, ge=0, le=1000, description="copies beyond those that the load needs, so that as many may fail"
    )
    zones: int = Field(default=1, ge=1, le=6, description="availability zones that the replicas must be spread over")
    policy: Policy = Field(
        default=Policy.COST,
        description="what plans prefer: a low price, short requests, many requests per second, or memory left free",
    )
    memory_fraction: float | None = Field(
        default=None,
        gt=0.0,
        lt=1.0,
        description="share of device memory the engine takes; default: the engine's own",
    )
    shape: Shape | None = Field(
        default=None,
        description="object that makes the pods, of KServe's: inference-service, or llm-inference-service for vLLM; "
        "default: a Deployment, or a LeaderWorkerSet where replicas span nodes",
    )
    targets: Targets = Targets()
    image: Image | None = Field(
        default=None, description="what a diffusion model is asked for; default: one image as its pipeline makes it"
    )

    @property
    def replicas_without_load(self) -> int:
        """Copies that run while nobody asks."""
        return 0 if self.scale_to_zero else self.minimum_replicas


class Constraints(Strict):
    """What the placement may use. Empty lists allow everything."""

    accelerators: tuple[AcceleratorName, ...] = Field(
        default=(), description="accelerator names as `ai-on-eks catalog accelerators` prints them, or `cpu`"
    )
    instance_families: tuple[InstanceFamily, ...] = Field(default=(), description="such as g6e")
    engines: tuple[EngineName, ...] = Field(
        default=(),
        description="serving engines, such as vllm or llama-cpp",
    )
    accelerator_sharing: tuple[AcceleratorSharing, ...] = Field(
        default=(),
        description="parts of an accelerator that will do: mig = isolated ones; time-slicing = in turn with others, "
        "whose faults and memory are not kept apart; empty = whole ones only",
    )
    capacity_type: CapacityType = Field(default=CapacityType.ON_DEMAND, description="how the instances are bought")
    max_usd_per_hour: float | None = Field(
        default=None, gt=0, description="price ceiling for all replicas together, in US dollars per hour"
    )


class Descriptor(Strict):
    """What a model is and what is asked of it."""

    name: Name = Field(description="lower-case letters, digits and hyphens; at most 53 characters; names the objects")
    kind: Kind = Field(description="what the model is used for; decides which engines can serve it")
    task: Task | None = Field(default=None, description="Hugging Face pipeline tag, such as text-generation")
    source: Source
    architecture: Architecture
    precision: Precision | None = Field(
        default=None,
        description="default: what a quantized checkpoint says itself; else bf16 for foundation models, fp32 otherwise",
    )
    serving: Serving = Serving()
    storage: Storage = Field(default=Storage.S3, description="where the pods read the weights from")
    constraints: Constraints = Constraints()
    variants: tuple[RelativeFile, ...] = Field(
        default=(),
        max_length=16,
        description="files of descriptors, relative to this one: models that would do as well, compared, never chosen",
    )
    schema_version: Literal["v1"] = Field(default="v1", alias="schema", description="version of this format")
