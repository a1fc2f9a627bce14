"""A rendered container run as a process: its command, arguments and environment, on files made by the test.

What a node would do is done here: volumes are folders of the test, ports are free ones, the image's programs are found
on a PATH of the test. Nothing else of the container is changed.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from msgspec import Struct

from ai_on_eks.serving.types import Workload

Json = dict[str, Any]

POLL_SECONDS = 0.05
LOCAL = "127.0.0.1"


class Running(Struct):
    """A container's process. `ports` gives the port of this machine for each rendered one."""

    process: subprocess.Popen[str]
    container: Json
    ports: Mapping[int, int]

    def url(self, path: str, port: int | None = None) -> str:
        """Where the container's HTTP port, or another of its ports, answers."""
        named = {one["name"]: one["containerPort"] for one in self.container["ports"]}
        return f"http://{LOCAL}:{self.ports[port or named['http']]}{path}"

    def ask(self, path: str, body: Json | None = None, port: int | None = None, seconds: float = 30) -> tuple[int, str]:
        """Status and text of one answer; 0 where nobody answers in time."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url(path, port), data, {"Content-Type": "application/json"})  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:  # noqa: S310 - this machine
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def wait_for(self, probe: str) -> float:
        """Seconds until a rendered probe succeeds, within what the kubelet would wait for its first success."""
        rendered = self.container[probe]
        startup = self.container["startupProbe"]
        budget = startup["periodSeconds"] * startup["failureThreshold"]
        start = time.monotonic()
        while time.monotonic() - start < budget:
            if self.process.poll() is not None:
                raise AssertionError(f"the engine ended with {self.process.returncode}: {self.output()}")
            if 200 <= self.ask(rendered["httpGet"]["path"])[0] < 400:
                return time.monotonic() - start
            time.sleep(POLL_SECONDS)
        raise AssertionError(f"{probe} did not succeed within {budget} s")

    def stop(self, grace_seconds: float) -> float:
        """SIGTERM, as the kubelet sends it after the preStop hook; seconds until the process is gone."""
        start = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(grace_seconds)
        return time.monotonic() - start

    def end(self) -> None:
        """Gone, whatever it does."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def output(self) -> str:
        """What it has printed; only once it is gone."""
        assert self.process.stdout is not None
        return self.process.stdout.read()[-4000:]


def lay_out(workload: Workload, root: Path) -> None:
    """The pod's volumes below a folder, files of ConfigMaps in them; empty where an init container would fill them."""
    pod = workload.pod_spec
    sources = {one["name"]: one for one in pod["volumes"]}
    for mount in pod["containers"][0]["volumeMounts"]:
        source, path = sources[mount["name"]], root / mount["mountPath"].lstrip("/")
        if "configMap" in source:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(workload.config_maps[source["configMap"]["name"]][mount["subPath"]], encoding="utf-8")
        else:
            path.mkdir(parents=True, exist_ok=True)


def start_container(workload: Workload, root: Path, programs: Mapping[str, Sequence[str]]) -> Running:
    """The pod's engine with its volumes below `root`. `programs` are commands in place of the image's, by name."""
    container = workload.pod_spec["containers"][0]
    first = {mount["mountPath"].split("/")[1] for mount in container["volumeMounts"]}
    below = re.compile(rf"(?<![\w/.])/(?={'|'.join(map(re.escape, sorted(first)))}(/|$))")
    ports = _free_ports({one["containerPort"] for one in container["ports"]} | _flag_ports(container["args"]))

    def here(text: str) -> str:
        """A path below a mount, or a port, as it is on this machine."""
        port = re.fullmatch(r"(--[\w-]*port=)?(\d+)", text)
        if port is not None and int(port[2]) in ports:
            return f"{port[1] or ''}{ports[int(port[2])]}"
        return below.sub(f"{root}/", text).replace("0.0.0.0", LOCAL)  # noqa: S104 - the pod's own network

    command: list[str] = [*container["command"], *container["args"]]
    process = subprocess.Popen(
        [*programs[Path(command[0]).name], *map(here, command[1:])],
        env={"PATH": os.environ["PATH"], **{one["name"]: here(one["value"]) for one in container["env"]}},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        cwd=root,
    )
    return Running(process, container, ports)


def _flag_ports(arguments: Sequence[str]) -> set[int]:
    """Ports that only an argument names, as Triton's for gRPC."""
    found = (re.fullmatch(r"--[\w-]*port=(\d+)", one) for one in arguments)
    return {int(match[1]) for match in found if match is not None}


def _free_ports(rendered: set[int]) -> dict[int, int]:
    """A port of this machine for each; all are taken before any is let go."""
    with ExitStack() as stack:
        sockets = {port: stack.enter_context(socket.socket()) for port in rendered}
        for one in sockets.values():
            one.bind((LOCAL, 0))
        return {port: one.getsockname()[1] for port, one in sockets.items()}


def in_background(call: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """The call in a thread, and the list that its answer will be in."""
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(call()))
    thread.start()
    return thread, answers
