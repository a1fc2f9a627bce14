"""The file of a fine-tuning job: which model is trained, how, on what data, and what that may take."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from ai_on_eks.descriptors.schema import (
    AcceleratorName,
    CapacityType,
    InstanceFamily,
    Name,
    RelativeFile,
    Strict,
)

DescriptorPath = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class TuningMethod(StrEnum):
    LORA = "lora"
    QLORA = "qlora"
    FULL = "full"


class AdapterTargets(StrEnum):
    QUERY_VALUE = "query-value"
    ATTENTION = "attention"
    ALL_LINEAR = "all-linear"


class JobStorage(StrEnum):
    S3 = "s3"
    FSX = "fsx"


class Adapter(Strict):
    """Low-rank matrices beside the model's own, which stay as they are (arXiv:2106.09685)."""

    rank: int = Field(default=16, ge=1, le=1024, description="of the added matrices")
    alpha: int = Field(default=32, ge=1, le=4096, description="their product counts alpha ÷ rank times")
    targets: AdapterTargets = Field(
        default=AdapterTargets.ALL_LINEAR,
        description="which matrices get one: query-value as in the paper, attention = all four, all-linear = those of "
        "the feed-forward blocks too",
    )


class TrainingData(Strict):
    """What is learnt from: JSON Lines, one conversation (`messages`) or `text` a line."""

    path: RelativeFile = Field(description="file below datasets/ in the storage, such as support.jsonl")
    storage: JobStorage = Field(
        default=JobStorage.S3,
        description="s3 = each node copies the file from the model store's bucket; fsx = all read it where it lies in "
        "the platform's Lustre file system, which shows the bucket's datasets/",
    )
    tokens: int | None = Field(
        default=None,
        ge=1,
        le=10**13,
        description="tokens of the file, for time and cost; default: unknown, and plans compare prices per hour",
    )


class Checkpoints(Strict):
    """Where a job keeps what it learns: its checkpoints, and the result."""

    storage: JobStorage = Field(
        default=JobStorage.S3,
        description="s3 = below finetunes/<job>/ in the model store's bucket, by way of each node's disk; fsx = below "
        "finetunes/<job>/ in the platform's Lustre file system, which FSx copies to the bucket in its own time",
    )


class Training(Strict):
    """One step sees `batch` sequences, each accelerator `micro_batch` at a time."""

    sequence_tokens: int = Field(
        default=2048, ge=16, le=1_048_576, description="longest sequence; what is longer is cut"
    )
    batch: int = Field(default=16, ge=1, le=65_536, description="sequences of one step, over all accelerators")
    micro_batch: int = Field(default=1, ge=1, le=1024, description="sequences that an accelerator takes at once")
    epochs: int = Field(default=1, ge=1, le=1000, description="how often all data are seen")
    learning_rate: float = Field(default=1e-4, gt=0, lt=1, description="highest; it rises and falls")
    activation_checkpointing: bool = Field(
        default=True, description="compute activations twice instead of keeping them: less memory, a third more time"
    )
    checkpoint_steps: int = Field(
        default=100, ge=1, le=1_000_000, description="steps between two checkpoints, from which a restart goes on"
    )


class FineTuneConstraints(Strict):
    """What the placement may use. Empty lists allow everything that the training image runs on."""

    accelerators: tuple[AcceleratorName, ...] = Field(
        default=(), description="accelerator names as `ai-on-eks catalog accelerators` prints them"
    )
    instance_families: tuple[InstanceFamily, ...] = Field(default=(), description="such as p5")
    capacity_type: CapacityType = Field(default=CapacityType.ON_DEMAND, description="how the instances are bought")
    max_nodes: int = Field(default=8, ge=1, le=64, description="instances at once")
    max_usd_per_hour: float | None = Field(default=None, gt=0, description="of all instances, in US dollars per hour")


class FineTuneJob(Strict):
    """A fine-tuning job."""

    name: Name = Field(description="lower-case letters, digits and hyphens; at most 53 characters; names the objects")
    kind: Literal["fine-tune"] = Field(description="tells this file from a model's descriptor")
    model: DescriptorPath = Field(
        description="path to the descriptor of the model that is trained, relative to this file"
    )
    method: TuningMethod = Field(
        description="lora = adapters on the model as it is; qlora = adapters on the model in 4 bits; full = all weights"
    )
    adapter: Adapter = Adapter()
    data: TrainingData
    checkpoints: Checkpoints = Checkpoints()
    training: Training = Training()
    deadline_hours: float = Field(default=24.0, gt=0, le=720, description="when the job is given up, restarts included")
    constraints: FineTuneConstraints = FineTuneConstraints()
    schema_version: Literal["v1"] = Field(default="v1", alias="schema", description="version of this format")

    @property
    def lustre_paths(self) -> tuple[str, ...]:
        """Settings of this file that name the platform's Lustre file system."""
        named = {"data.storage": self.data.storage, "checkpoints.storage": self.checkpoints.storage}
        return tuple(path for path, storage in named.items() if storage is JobStorage.FSX)
