"""What torch.compile makes of a model: kept in the model store by a job, and copied from there by every replica.

    compiled/<model>/<revision>/<image>/<accelerator>/<ranks and shapes>/

The engine unpickles what it finds in its folder before it looks whether it fits (vLLM 0.33.0 wheel,
compilation/decorators.py and caching.py, read 2026-11-29), so whoever may write there runs code in every replica. That
is the job's account alone, which serves nobody. The engine also writes where it reads, hence a copy for each replica,
and not a volume that all see. Below the folder it tells by a hash of its own what fits its configuration, its device
and its code; what does not is compiled again.
"""

from __future__ import annotations

from collections.abc import Mapping

from ai_on_eks.serving.engines import vllm
from ai_on_eks.serving.replica import Replica
from ai_on_eks.serving.types import ProgramStore
from ai_on_eks.serving.weights import BUCKET_VARIABLE, revision_folder

DIRECTORIES: Mapping[str, str] = {"vllm": vllm.COMPILE_DIRECTORY}
"""Where an engine keeps them, by its name in the catalogue."""

UNFINISHED = "--exclude=*.tmp"
"""What the engine renames when it is whole."""


def program_store(replica: Replica) -> ProgramStore | None:
    """Where the replica's programs lie; None where its engine compiles none, or one pod is no whole replica, or its
    weights come from elsewhere and its pods start without the bucket.

    The account's name holds a dot, which no model's name does.
    """
    placement = replica.placement
    accelerator = placement.instance_type.accelerator
    if placement.engine.name not in DIRECTORIES or placement.nodes_per_replica > 1 or accelerator is None:
        return None
    if not replica.reads_model_store:
        return None
    ranks = f"tp{placement.tensor_parallel}-pp{placement.pipeline_parallel}-ep{placement.expert_parallel}"
    rank = placement.memory.rank
    shape = f"{placement.max_model_len}x{rank.max_sequences}x{rank.max_batched_tokens}"
    folder = f"compiled/{replica.name}/{revision_folder(replica.descriptor)}/{replica.image.tag}"
    return ProgramStore(prefix=f"{folder}/{accelerator.name}/{ranks}-{shape}", account=f"{replica.name}.compile")


def copied(replica: Replica, store: ProgramStore) -> tuple[str, ...]:
    """Arguments of the container that copies a replica's programs to where the engine looks for them."""
    return ("s3", "sync", _uri(store), DIRECTORIES[replica.placement.engine.name], "--no-progress")


def kept(replica: Replica, store: ProgramStore) -> tuple[str, ...]:
    """Arguments of the container that copies what the engine has made into the model store."""
    return ("s3", "sync", DIRECTORIES[replica.placement.engine.name], _uri(store), UNFINISHED, "--no-progress")


def _uri(store: ProgramStore) -> str:
    return f"s3://$({BUCKET_VARIABLE})/{store.prefix}"
