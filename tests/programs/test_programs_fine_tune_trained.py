"""The training program, really run: a rendered pod's own command on a model of 0.1 million weights.

    make fine-tune-test

brings the libraries into an environment of their own and runs this file. Everywhere else it is skipped:
`TRAINER_PYTHON` names the interpreter. Each method is ended after a checkpoint, as a node that is taken away would end
it, and started again on an empty disk.
"""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
from moto.server import ThreadedMotoServer

from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.descriptors.fine_tune_loading import load_fine_tune
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.platform_storage import FsxForLustre, PlatformStorage
from ai_on_eks.placement.training import plan_training
from ai_on_eks.programs.fine_tune import CHECKPOINT, COMPLETE, EXIT_DONE
from ai_on_eks.serving.fine_tune import FineTuneWorkload, build_fine_tune
from ai_on_eks.serving.images import load_images

TRAINER = os.environ.get("TRAINER_PYTHON")

pytestmark = [
    pytest.mark.local_server,
    pytest.mark.enable_socket,
    pytest.mark.allow_hosts(["127.0.0.1", "::1"]),
    pytest.mark.skipif(TRAINER is None, reason="TRAINER_PYTHON names no interpreter: make fine-tune-test brings one"),
]

BUCKET = "weights"
MODEL_SCRIPT = Path(__file__).parent / "tiny_causal_model.py"
LAYERS = 2
CONFIG = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 256,
    "max_position_embeddings": 128,
    "tie_word_embeddings": False,
}
EXAMPLES, BATCH, EPOCHS, CHECKPOINT_STEPS = 240, 4, 2, 20
STEPS = EXAMPLES // BATCH * EPOCHS
LEARNT = 0.9
"""Of the first loss is left at most. Adapters learn less than the whole: what they are added to is random."""
MOUNTS = re.compile(r"(?<![\w/.])/(?=(data|job|results|tmp|weights|work)(/|$))")
PATIENCE = 300
"""Seconds for one run, most of which is the libraries' start."""

DESCRIPTOR = f"""\
name: tiny
kind: foundation
source: {{uri: "s3://example-models/tiny", format: safetensors}}
architecture: {{family: transformer, config: {json.dumps({"model_type": "llama", **CONFIG})}}}
precision: {{weights: bf16}}
"""
JOB = f"""\
name: tiny-{{method}}
kind: fine-tune
model: tiny.yaml
method: {{method}}
data: {{{{path: words.jsonl, storage: {{storage}}}}}}
checkpoints: {{{{storage: {{storage}}}}}}
training:
  sequence_tokens: 32
  batch: {BATCH}
  epochs: {EPOCHS}
  learning_rate: 0.01
  checkpoint_steps: {CHECKPOINT_STEPS}
"""


def examples() -> str:
    """Conversations that go on as they begin, so that there is something to learn."""
    lines = []
    for number in range(EXAMPLES):
        words = [f"w{(number % 7) * 10 + place}" for place in range(10)]
        turns = [
            {"role": "user", "content": " ".join(words[:3])},
            {"role": "assistant", "content": " ".join(words[3:])},
        ]
        lines.append(json.dumps({"messages": turns}))
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    assert TRAINER is not None
    folder = tmp_path_factory.mktemp("weights")
    subprocess.run([TRAINER, MODEL_SCRIPT, folder, json.dumps(CONFIG)], check=True)
    return folder


class Bucket:
    """The job's folder in the model store."""

    storage = "s3"

    def __init__(self, client: Any, job: str) -> None:
        self.client, self.prefix = client, f"finetunes/{job}/"

    def names(self) -> set[str]:
        """Files below the folder."""
        listed = self.client.list_objects_v2(Bucket=BUCKET, Prefix=self.prefix).get("Contents", [])
        return {one["Key"].removeprefix(self.prefix) for one in listed}

    def read(self, name: str) -> bytes:
        content: bytes = self.client.get_object(Bucket=BUCKET, Key=self.prefix + name)["Body"].read()
        return content


class Lustre:
    """The job's folder in a file system that every run mounts; data lie beside it."""

    storage = "fsx"

    def __init__(self, folder: Path) -> None:
        self.results, self.datasets = folder / "results", folder / "datasets"
        self.results.mkdir(parents=True)
        self.datasets.mkdir()
        (self.datasets / "words.jsonl").write_text(examples(), encoding="utf-8")

    def names(self) -> set[str]:
        """Files below the folder."""
        return {one.relative_to(self.results).as_posix() for one in self.results.rglob("*") if one.is_file()}

    def read(self, name: str) -> bytes:
        return (self.results / name).read_bytes()


Store = Bucket | Lustre


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Of the model store with the data in it; the program finds it by the same variables."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request otherwise
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    _host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    client.put_object(Bucket=BUCKET, Key="datasets/words.jsonl", Body=examples().encode())
    yield client
    server.stop()


def rendered(method: str, storage: str, folder: Path, platform: Platform) -> FineTuneWorkload:
    fsx = FsxForLustre(zone=platform.network.availability_zones[0], size_gib=2400, training=True)
    stored = platform.model_copy(update={"storage": PlatformStorage(fsx=fsx)})
    (folder / "tiny.yaml").write_text(DESCRIPTOR, encoding="utf-8")
    (folder / "job.yaml").write_text(JOB.format(method=method, storage=storage), encoding="utf-8")
    one = load_fine_tune(folder / "job.yaml")
    plan = plan_training(one.job, one.inventory, load_catalog(platform.region), stored)
    return build_fine_tune(plan, one.descriptor, stored, load_images(None))


def started(workload: FineTuneWorkload, root: Path, weights: Path, store: Store) -> subprocess.Popen[str]:
    """The pod's trainer on empty disks of its own below `root`."""
    assert TRAINER is not None
    (container,) = workload.pod_spec["containers"]
    assert container["command"] == ["torchrun"]
    (root / "job").mkdir(parents=True)
    for name, text in workload.config_map.items():
        (root / "job" / name).write_text(text, encoding="utf-8")
    for folder in ("work", "tmp"):
        (root / folder).mkdir()
    (root / "weights").mkdir()
    (root / "weights" / "unpinned").symlink_to(weights)
    if isinstance(store, Lustre):
        (root / "results").symlink_to(store.results)
        (root / "data").symlink_to(store.datasets)
    variables = {one["name"]: one["value"] for one in container["env"] if "value" in one}

    def here(text: str) -> str:
        """A path below a mount as it is on this machine."""
        return MOUNTS.sub(f"{root}/", text.replace("$(MODEL_BUCKET)", BUCKET))

    aws = {name: value for name, value in os.environ.items() if name.startswith("AWS_") or name == "PATH"}
    return subprocess.Popen(
        [TRAINER, "-m", "torch.distributed.run", *map(here, container["args"])],
        env={**{name: here(value) for name, value in variables.items()}, **aws, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
    )


def finished_checkpoints(store: Store) -> set[str]:
    return {Path(name).parent.name for name in store.names() if Path(name).name == COMPLETE}


def family(pid: int) -> list[int]:
    """A process and all below it: torchrun starts sessions of their own, which no signal to its group meets."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [pid, *(one for child in children for one in family(int(child)))]


def end_after_a_checkpoint(process: subprocess.Popen[str], store: Store) -> None:
    """The whole pod at once and without warning, as soon as there is something to go on from."""
    deadline = time.monotonic() + PATIENCE
    while not finished_checkpoints(store):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline, "no checkpoint"
        time.sleep(0.02)
    for pid in family(process.pid):
        os.kill(pid, signal.SIGKILL)
    process.communicate()


def losses(store: Store) -> list[float]:
    """Of the last checkpoint, by step, those of the run before it included."""
    (name,) = finished_checkpoints(store)
    assert name == f"{CHECKPOINT}{STEPS}"
    state = json.loads(store.read(f"checkpoints/{name}/trainer_state.json"))
    logged = [(one["step"], one["loss"]) for one in state["log_history"] if "loss" in one]
    assert [step for step, _loss in logged] == list(range(10, STEPS + 1, 10))
    return [loss for _step, loss in logged]


def tensors(content: bytes) -> dict[str, np.ndarray[Any, Any]]:
    """A safetensors file: the length of a header, the header, numbers."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    data, found = content[8 + length :], {}
    for name, one in header.items():
        if name != "__metadata__":
            start, end = one["data_offsets"]
            raw = np.frombuffer(data[start:end], dtype={"F32": np.float32, "BF16": np.uint16}[one["dtype"]])
            wide = raw if raw.dtype == np.float32 else (raw.astype(np.uint32) << 16).view(np.float32)
            found[name] = wide.reshape(one["shape"])
    return found


@pytest.mark.parametrize(
    ("method", "in_lustre"), [("lora", False), ("full", False), ("lora", True)], ids=["lora", "full", "lustre"]
)
def test_a_job_that_is_ended_goes_on_from_its_checkpoint_and_learns(
    method: str, platform: Platform, client: Any, weights: Path, tmp_path: Path, *, in_lustre: bool
) -> None:
    store: Store = Lustre(tmp_path / "lustre") if in_lustre else Bucket(client, f"tiny-{method}")
    workload = rendered(method, store.storage, tmp_path, platform)

    end_after_a_checkpoint(started(workload, tmp_path / "first", weights, store), store)
    kept = max(finished_checkpoints(store), key=lambda name: int(name.removeprefix(CHECKPOINT)))
    assert int(kept.removeprefix(CHECKPOINT)) < STEPS, "it was done before it was ended"

    again = started(workload, tmp_path / "second", weights, store)
    output, _ = again.communicate(timeout=PATIENCE)
    assert again.returncode == EXIT_DONE, output
    assert f"{EXAMPLES} examples; from {kept}" in output

    result = f"result/{'adapter_model' if method == 'lora' else 'model'}.safetensors"
    files = {name for name in store.names() if name.startswith("result/")}
    assert result in files
    assert not [one for one in files if one.endswith((".bin", ".pt", ".pth", ".pkl"))], "a result is never unpickled"

    course = losses(store)
    assert np.isfinite(course).all()
    assert course[-1] < LEARNT * course[0], course
    trained = tensors(store.read(result))
    assert all(np.isfinite(one).all() for one in trained.values())
    if method == "lora":
        # Both matrices of all seven linear layers of each layer; the second ones start at nothing.
        assert len(trained) == 2 * 7 * LAYERS
        assert all(one.any() for one in trained.values())
    else:
        before = tensors((weights / "model.safetensors").read_bytes())
        assert trained.keys() == before.keys()
        assert not any(np.array_equal(trained[name], before[name]) for name in before)
