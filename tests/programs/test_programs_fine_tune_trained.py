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
CONFIG = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
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
MOUNTS = re.compile(r"(?<![\w/.])/(?=(job|weights|work|tmp)(/|$))")
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
data: {{{{path: words.jsonl}}}}
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


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The model store with the data in it, as a client; the program finds it by the same variables."""
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


def rendered(method: str, folder: Path, platform: Platform) -> FineTuneWorkload:
    (folder / "tiny.yaml").write_text(DESCRIPTOR, encoding="utf-8")
    (folder / "job.yaml").write_text(JOB.format(method=method), encoding="utf-8")
    one = load_fine_tune(folder / "job.yaml")
    plan = plan_training(one.job, one.inventory, load_catalog(platform.region), platform)
    return build_fine_tune(plan, one.descriptor, platform, load_images(None))


def started(workload: FineTuneWorkload, root: Path, weights: Path) -> subprocess.Popen[str]:
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


def finished_checkpoints(store: Any, prefix: str) -> set[str]:
    listed = store.list_objects_v2(Bucket=BUCKET, Prefix=f"{prefix}/checkpoints/").get("Contents", [])
    return {Path(one["Key"]).parent.name for one in listed if Path(one["Key"]).name == COMPLETE}


def family(pid: int) -> list[int]:
    """A process and all below it: torchrun starts sessions of their own, which no signal to its group meets."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [pid, *(one for child in children for one in family(int(child)))]


def end_after_a_checkpoint(process: subprocess.Popen[str], store: Any, prefix: str) -> None:
    """The whole pod at once and without warning, as soon as there is something to go on from."""
    deadline = time.monotonic() + PATIENCE
    while not finished_checkpoints(store, prefix):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline, "no checkpoint"
        time.sleep(0.02)
    for pid in family(process.pid):
        os.kill(pid, signal.SIGKILL)
    process.communicate()


def losses(store: Any, prefix: str) -> list[float]:
    """Of the one checkpoint that is left, by step, those of the run before it included."""
    (name,) = finished_checkpoints(store, prefix)
    assert name == f"{CHECKPOINT}{STEPS}"
    state = store.get_object(Bucket=BUCKET, Key=f"{prefix}/checkpoints/{name}/trainer_state.json")["Body"].read()
    logged = [(one["step"], one["loss"]) for one in json.loads(state)["log_history"] if "loss" in one]
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


@pytest.mark.parametrize(("method", "result"), [("lora", "adapter_model.safetensors"), ("full", "model.safetensors")])
def test_a_job_that_is_ended_goes_on_from_its_checkpoint_and_learns(
    method: str, result: str, platform: Platform, store: Any, weights: Path, tmp_path: Path
) -> None:
    workload = rendered(method, tmp_path, platform)
    prefix = f"finetunes/tiny-{method}"

    end_after_a_checkpoint(started(workload, tmp_path / "first", weights), store, prefix)
    (kept,) = finished_checkpoints(store, prefix)
    assert int(kept.removeprefix(CHECKPOINT)) < STEPS, "it was done before it was ended"

    again = started(workload, tmp_path / "second", weights)
    output, _ = again.communicate(timeout=PATIENCE)
    assert again.returncode == EXIT_DONE, output
    assert f"{EXAMPLES} examples; from {kept}" in output

    files = {one["Key"] for one in store.list_objects_v2(Bucket=BUCKET, Prefix=f"{prefix}/result/")["Contents"]}
    assert f"{prefix}/result/{result}" in files
    assert not [one for one in files if one.endswith((".bin", ".pt", ".pth", ".pkl"))], "a result is never unpickled"

    course = losses(store, prefix)
    assert np.isfinite(course).all()
    assert course[-1] < LEARNT * course[0], course
    trained = tensors(store.get_object(Bucket=BUCKET, Key=f"{prefix}/result/{result}")["Body"].read())
    assert all(np.isfinite(one).all() for one in trained.values())
    if method == "lora":
        # Both matrices of all seven linear layers of each layer; the second ones start at nothing.
        assert len(trained) == 2 * 7 * CONFIG["num_hidden_layers"]
        assert all(one.any() for one in trained.values())
    else:
        before = tensors((weights / "model.safetensors").read_bytes())
        assert trained.keys() == before.keys()
        assert not any(np.array_equal(trained[name], before[name]) for name in before)
