"""Train a causal language model, whole or by adapters, and go on where a run before this one stopped.

    started     by torchrun, one process a device; several processes divide states over themselves (FSDP 2)
    data        JSON Lines, out of the bucket or mounted: `messages` or `text`
    checkpoints each node uploads what it wrote, or all write into one mounted folder; the last file, `complete`, is
                written when all have. A restart reads the newest complete one, and older ones are removed
    result      result/ below the job's folder: safetensors of the model, or of the adapters

Exit codes: 0 done; 1 worth another try; 3 no try will help (data that cannot be read).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

EXIT_DONE, EXIT_FINAL = 0, 3

PICKLED_ARGUMENTS = "training_args.bin"
"""What save_model writes beside a model (transformers 5.3, TRAINING_ARGS_NAME): a pickle, which nobody should load."""
COMPLETE = "complete"
"""Object of a checkpoint that has all of its files."""
CHECKPOINT = "checkpoint-"
WAIT_SECONDS = 1
MOST_WAIT_SECONDS = 3600
QUANTIZED_BLOCKS = "nf4"
WARM_UP = 0.03
"""Below one it is a share of all steps (transformers 5, TrainingArguments.warmup_steps)."""
TARGETS: Mapping[str, Any] = {
    "query-value": ["q_proj", "v_proj"],
    "attention": ["q_proj", "k_proj", "v_proj", "o_proj"],
    "all-linear": "all-linear",
}


class DataError(Exception):
    """The data are not what can be learnt from."""


class Place:
    """Where this process stands among all."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.rank = int(environment.get("RANK", "0"))
        self.local_rank = int(environment.get("LOCAL_RANK", "0"))
        self.world_size = int(environment.get("WORLD_SIZE", "1"))


class Shared:
    """The job's folder in a file system that every node mounts: nothing is copied."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def checkpoints(self, work: Path) -> Path:
        """Where the trainer writes them."""
        del work
        return self.path / "checkpoints"

    def result(self, work: Path) -> Path:
        """Where the trainer writes it."""
        del work
        return self.path / "result"

    def newest_checkpoint(self) -> str | None:
        """Name of the newest one that is complete."""
        names = [path.parent.name for path in self.path.glob(f"checkpoints/{CHECKPOINT}*/{COMPLETE}")]
        return max(names, key=_step, default=None)

    def fetch_checkpoint(self, name: str, work: Path) -> None:
        """It lies where the trainer reads it."""

    def keep_checkpoint(self, name: str, work: Path) -> None:
        """It lies where it is kept."""

    def finish_checkpoint(self, name: str) -> None:
        """Say that it has all of its files, and remove those before it: they are not needed any more."""
        (self.path / "checkpoints" / name / COMPLETE).touch()
        for other in sorted(self.path.glob(f"checkpoints/{CHECKPOINT}*")):
            if _step(other.name) < _step(name):
                # Its mark first: what is half removed is no checkpoint any more.
                (other / COMPLETE).unlink(missing_ok=True)
                shutil.rmtree(other)

    def keep_result(self, work: Path) -> None:
        """It lies where it is kept."""


class Folder:
    """The job's folder in the bucket."""

    def __init__(self, client: Any, bucket: str, prefix: str) -> None:
        self.client, self.bucket, self.prefix = client, bucket, prefix

    def checkpoints(self, work: Path) -> Path:
        """Where the trainer writes them."""
        return work / "checkpoints"

    def result(self, work: Path) -> Path:
        """Where the trainer writes it."""
        return work / "result"

    def keys(self, below: str = "") -> Iterator[str]:
        """Relative to the folder, by name."""
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=f"{self.prefix}/{below}"
        )
        for page in pages:
            for one in page.get("Contents", []):
                yield one["Key"].removeprefix(f"{self.prefix}/")

    def newest_checkpoint(self) -> str | None:
        """Name of the newest one that is complete."""
        names = [
            key.split("/")[1]
            for key in self.keys("checkpoints/")
            if key.count("/") == 2 and key.endswith(f"/{COMPLETE}")
        ]
        return max(names, key=_step, default=None)

    def fetch_checkpoint(self, name: str, work: Path) -> None:
        """Onto this node's disk."""
        self.download(f"checkpoints/{name}", self.checkpoints(work) / name)

    def keep_checkpoint(self, name: str, work: Path) -> None:
        """This node's part of it, into the bucket."""
        self.upload(self.checkpoints(work) / name, f"checkpoints/{name}")

    def keep_result(self, work: Path) -> None:
        """Into the bucket."""
        self.upload(self.result(work), "result")

    def download(self, below: str, to: Path) -> None:
        """All files below, but for the mark that they are all."""
        for key in self.keys(f"{below}/"):
            path = to / key.removeprefix(f"{below}/")
            if path.name != COMPLETE:
                path.parent.mkdir(parents=True, exist_ok=True)
                self.client.download_file(self.bucket, f"{self.prefix}/{key}", str(path))

    def upload(self, folder: Path, below: str) -> None:
        """All files of a folder."""
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            self.client.upload_file(
                str(path), self.bucket, f"{self.prefix}/{below}/{path.relative_to(folder).as_posix()}"
            )

    def finish_checkpoint(self, name: str) -> None:
        """Say that it has all of its files, and remove those before it: they are not needed any more."""
        self.client.put_object(Bucket=self.bucket, Key=f"{self.prefix}/checkpoints/{name}/{COMPLETE}", Body=b"")
        for key in list(self.keys("checkpoints/")):
            if _step(key.split("/")[1]) < _step(name):
                self.client.delete_object(Bucket=self.bucket, Key=f"{self.prefix}/{key}")


Kept = Folder | Shared


def _step(name: str) -> int:
    number = name.removeprefix(CHECKPOINT)
    return int(number) if number.isdigit() else -1


def accumulation(batch: int, micro_batch: int, world_size: int) -> int:
    """Passes that one update sums up."""
    once = micro_batch * world_size
    if batch % once:
        raise DataError(f"a batch of {batch} is no multiple of {world_size} processes × {micro_batch} sequences")
    return batch // once


def training_arguments(
    settings: Mapping[str, Any], checkpoints: Path, world_size: int, *, most_kept: int | None = 1
) -> dict[str, Any]:
    """Arguments of trl.SFTConfig. `most_kept` checkpoints stay in the folder; None where the callback removes them."""
    training, method = settings["training"], settings["method"]
    is_checkpointed = bool(training["activation_checkpointing"])
    is_divided = world_size > 1 and method != "qlora"
    divided = {
        "fsdp": "full_shard auto_wrap",
        "fsdp_config": {
            "fsdp_version": 2,
            "activation_checkpointing": is_checkpointed,
            "cpu_ram_efficient_loading": True,
            "state_dict_type": "SHARDED_STATE_DICT",
        },
    }
    return {
        "output_dir": str(checkpoints),
        "max_length": training["sequence_tokens"],
        "per_device_train_batch_size": training["micro_batch"],
        "gradient_accumulation_steps": accumulation(training["batch"], training["micro_batch"], world_size),
        "num_train_epochs": training["epochs"],
        "learning_rate": training["learning_rate"],
        "lr_scheduler_type": "cosine",
        "warmup_steps": WARM_UP,
        "bf16": True,
        "save_strategy": "steps",
        "save_steps": training["checkpoint_steps"],
        "save_total_limit": most_kept,
        "logging_steps": 10,
        "report_to": "none",
        "gradient_checkpointing": is_checkpointed and not is_divided,
        "gradient_checkpointing_kwargs": {"use_reentrant": False},
        **(divided if is_divided else {}),
    }


def check_lines(path: Path) -> int:
    """How many examples there are. Every line is looked at before a device is."""
    number = 0
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                example = json.loads(line)
            except ValueError as error:
                raise DataError(f"line {number} is not JSON: {error}") from None
            if not isinstance(example, dict) or not ("messages" in example or "text" in example):
                raise DataError(f"line {number} has neither messages nor text")
    if number == 0:
        raise DataError("there are no examples")
    return number


def prepare(kept: Kept, data: Path, fetch: Callable[[], None], work: Path, place: Place) -> str | None:
    """The data and the newest checkpoint where this node reads them, by its first process; the others wait for it."""
    ready = work / "ready"
    if place.local_rank != 0:
        _wait_for(ready)
    else:
        fetch()
        if not data.is_file():
            raise DataError(f"there is no {data}")
        examples = check_lines(data)
        name = kept.newest_checkpoint()
        if name is not None:
            kept.fetch_checkpoint(name, work)
        print(f"{examples} examples; from {name or 'the start'}", flush=True)
        ready.write_text(name or "")
    return ready.read_text() or None


def _wait_for(path: Path) -> None:
    for _second in range(MOST_WAIT_SECONDS):
        if path.exists():
            return
        time.sleep(WAIT_SECONDS)
    raise TimeoutError(f"no {path} after {MOST_WAIT_SECONDS} s")


def train(settings: Mapping[str, Any], weights: Path, work: Path, kept: Kept, data: Path, *, start: str | None) -> None:
    """Until the last step, and the result where it is kept."""
    import torch  # noqa: PLC0415 - slow to import, and what comes before may end the job
    from datasets import load_dataset  # noqa: PLC0415
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415
    from trl import SFTConfig, SFTTrainer  # noqa: PLC0415

    place = Place(os.environ)
    # Without a device it runs as well, which is how the program is tried before it meets one.
    checkpoints = kept.checkpoints(work)
    # In a folder that all share the last complete one stays until the next has every part.
    most_kept = None if isinstance(kept, Shared) else 1
    arguments = SFTConfig(
        **training_arguments(settings, checkpoints, place.world_size, most_kept=most_kept),
        use_cpu=not torch.cuda.is_available(),
    )
    # Trained weights are kept in 32 bit, and computed with in 16; frozen ones stay as they were published.
    data_type = torch.float32 if settings["method"] == "full" else torch.bfloat16
    model = AutoModelForCausalLM.from_pretrained(
        str(weights),
        dtype=data_type,
        local_files_only=True,
        use_safetensors=True,
        **_quantization(settings["method"], place),
    )
    trainer = SFTTrainer(
        model=model,
        args=arguments,
        train_dataset=load_dataset("json", data_files=str(data), split="train"),
        processing_class=AutoTokenizer.from_pretrained(str(weights), local_files_only=True),
        peft_config=_adapters(settings),
        callbacks=[_keeps(kept, work, place)],
    )
    trainer.train(resume_from_checkpoint=None if start is None else str(checkpoints / start))
    if trainer.is_fsdp_enabled:
        trainer.accelerator.state.fsdp_plugin.set_state_dict_type("FULL_STATE_DICT")
    trainer.save_model(str(kept.result(work)))
    if place.rank == 0:
        (kept.result(work) / PICKLED_ARGUMENTS).unlink(missing_ok=True)
        kept.keep_result(work)
        print("done", flush=True)


def _quantization(method: str, place: Place) -> dict[str, Any]:
    if method != "qlora":
        return {}
    import torch  # noqa: PLC0415
    from transformers import BitsAndBytesConfig  # noqa: PLC0415

    config = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=QUANTIZED_BLOCKS,
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    return {"quantization_config": config, "device_map": {"": place.local_rank}}


def _adapters(settings: Mapping[str, Any]) -> Any:
    if settings["method"] == "full":
        return None
    from peft import LoraConfig  # noqa: PLC0415

    adapter = settings["adapter"]
    return LoraConfig(
        r=adapter["rank"],
        lora_alpha=adapter["alpha"],
        target_modules=TARGETS[adapter["targets"]],
        task_type="CAUSAL_LM",
    )


def _keeps(kept: Kept, work: Path, place: Place) -> Any:
    """Takes every checkpoint to where it is kept as it is written."""
    import torch.distributed  # noqa: PLC0415
    from transformers import TrainerCallback  # noqa: PLC0415

    class Keeps(TrainerCallback):  # type: ignore[misc]
        def on_save(self, args: Any, state: Any, control: Any, **more: Any) -> None:
            del args, control, more
            name = f"{CHECKPOINT}{state.global_step}"
            if torch.distributed.is_initialized():
                torch.distributed.barrier()  # every process has written its part
            if place.local_rank == 0:
                kept.keep_checkpoint(name, work)
            if torch.distributed.is_initialized():
                torch.distributed.barrier()  # every node has kept its part
            if place.rank == 0:
                kept.finish_checkpoint(name)

    return Keeps()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--settings", required=True, type=Path, help="JSON file of the job")
    parser.add_argument("--bucket", help="where data or results lie in one")
    kept_in = parser.add_mutually_exclusive_group(required=True)
    kept_in.add_argument("--prefix", help="the job's folder in the bucket")
    kept_in.add_argument("--results", type=Path, help="the job's folder in a file system that every node mounts")
    parser.add_argument("--data", required=True, help="key of the data in the bucket, or their absolute path")
    parser.add_argument("--weights", required=True, type=Path, help="folder of the model")
    parser.add_argument("--work", required=True, type=Path, help="empty folder on a disk")
    given = parser.parse_args(arguments)
    is_mounted = given.data.startswith("/")
    if given.bucket is None and (given.results is None or not is_mounted):
        parser.error("--bucket is missing, and data or results lie in one")
    settings = json.loads(given.settings.read_text(encoding="utf-8"))
    retries = Config(retries={"mode": "standard", "max_attempts": 6})
    client: Any = None if given.bucket is None else boto3.client("s3", config=retries)
    data = Path(given.data) if is_mounted else given.work / "data.jsonl"
    kept = Shared(given.results) if given.results else Folder(client, given.bucket, given.prefix)

    def fetch() -> None:
        if not is_mounted:
            client.download_file(given.bucket, given.data, str(data))

    try:
        start = prepare(kept, data, fetch, given.work, Place(os.environ))
        train(settings, given.weights, given.work, kept, data, start=start)
    except DataError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_FINAL
    return EXIT_DONE


if __name__ == "__main__":
    sys.exit(main())
