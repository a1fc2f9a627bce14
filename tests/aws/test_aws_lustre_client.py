"""The program that sets up Lustre over EFA, run by a shell with stand-ins for the kernel's tools."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ai_on_eks.aws.lustre_client import PROGRAM, lustre_client_script
from ai_on_eks.catalog.loading import load_catalog

STAND_INS = {
    "ip": 'echo "default via 10.0.0.1 dev ens5 proto dhcp src 10.0.0.9 metric 512"',
    "modinfo": 'echo "${VERSION-3.1.0}"',
    "modprobe": 'echo "modprobe $*" >> "$LOG"',
    "lustre_rmmod": 'echo lustre_rmmod >> "$LOG"',
    "lnetctl": """\
echo "lnetctl $*" >> "$LOG"
case "$*" in
  "net add --net efa --if $BROKEN "*) exit 1 ;;
  "net add --net efa --if $LOST "*) ;;
  "net add --net efa"*) echo "    - nid: 1.2.3.4@efa" >> "$NETS" ;;
  "net show --net efa") cat "$NETS" ;;
esac""",
}


class Node:
    """A machine with so many adapters, beside one that is no adapter."""

    def __init__(self, folder: Path, type_name: str, adapters: int) -> None:
        self._folder = folder
        self._bin, self._log, self._nets = folder / "bin", folder / "log", folder / "nets"
        self._bin.mkdir()
        self._nets.touch()
        for name, body in STAND_INS.items():
            (self._bin / name).write_text(f"#!/bin/bash\n{body}\n", encoding="utf-8")
            (self._bin / name).chmod(0o755)
        devices = folder / "infiniband"
        for name, driver in [("mlx5_0", "mlx5_core"), *((f"rdmap{i:02}s0", "efa") for i in range(adapters))]:
            (folder / "drivers" / driver).mkdir(parents=True, exist_ok=True)
            (devices / name / "device").mkdir(parents=True)
            (devices / name / "device" / "driver").symlink_to(folder / "drivers" / driver)
        script = lustre_client_script(load_catalog("us-east-1").instance_type(type_name))
        _, program, *_ = script.split(f"cat > {PROGRAM} << 'END'\n")[0:2]
        text = program.split("\nEND\n")[0].replace("/sys/class/infiniband", str(devices))
        self._program = folder / "program"
        self._program.write_text(text, encoding="utf-8")

    def run(self, **variables: str) -> int:
        path = f"{self._bin}:{os.environ['PATH']}"
        found = {
            "PATH": path,
            "LOG": str(self._log),
            "NETS": str(self._nets),
            "BROKEN": "none",
            "LOST": "none",
            **variables,
        }
        return subprocess.run(["bash", str(self._program)], env=found, check=False, timeout=30).returncode

    def calls(self) -> list[str]:
        return self._log.read_text(encoding="utf-8").splitlines() if self._log.exists() else []

    def added(self) -> list[str]:
        return [call.split()[6] for call in self.calls() if call.startswith("lnetctl net add --net efa")]

    def restart(self) -> None:
        self._log.unlink()
        self._nets.write_text("", encoding="utf-8")


def test_adapters_are_taken_evenly_and_no_other_device_is(tmp_path: Path) -> None:
    node = Node(tmp_path, "p5.48xlarge", 32)
    assert node.run() == 0
    assert node.added() == [f"rdmap{i:02}s0" for i in range(0, 32, 4)]


def test_modules_networks_and_the_rule_come_in_the_order_that_lustre_wants(tmp_path: Path) -> None:
    node = Node(tmp_path, "g6e.48xlarge", 4)
    assert node.run() == 0
    assert [call for call in node.calls() if "net show" not in call] == [
        "lustre_rmmod",
        "modprobe lnet",
        "modprobe kefalnd ipif_name=ens5",
        "modprobe ksocklnd",
        "lnetctl lnet configure",
        "lnetctl net del --net tcp",
        "lnetctl net add --net tcp --if ens5",
        "lnetctl net add --net efa --if rdmap00s0 --peer-credits 32",
        "lnetctl net add --net efa --if rdmap02s0 --peer-credits 32",
        "lnetctl set discovery 1",
        "lnetctl udsp add --src efa --priority 0",
        "modprobe lustre",
    ]


def test_what_stands_is_left_alone_and_made_again_after_a_restart(tmp_path: Path) -> None:
    node = Node(tmp_path, "g6.48xlarge", 1)
    assert node.run() == 0
    before = len(node.calls())
    assert node.run() == 0
    assert node.calls()[before:] == ["lnetctl net show --net efa"]
    node.restart()
    assert node.run() == 0
    assert node.added() == ["rdmap00s0"]


@pytest.mark.parametrize(
    ("adapters", "variables"),
    [
        (0, {}),
        (4, {"BROKEN": "rdmap02s0"}),
        (4, {"LOST": "rdmap02s0"}),
        (4, {"VERSION": "2.12.0"}),
        (4, {"VERSION": ""}),
    ],
    ids=["no adapter", "one is refused", "one is taken and does not come up", "old driver", "no driver"],
)
def test_a_node_that_would_read_over_tcp_starts_no_kubelet(
    tmp_path: Path, adapters: int, variables: dict[str, str]
) -> None:
    assert Node(tmp_path, "g6e.48xlarge", adapters).run(**variables) != 0


def test_a_network_driver_older_than_newer_adapters_need_is_not_enough(tmp_path: Path) -> None:
    assert Node(tmp_path, "p6-b200.48xlarge", 8).run(VERSION="1.1.0") != 0
