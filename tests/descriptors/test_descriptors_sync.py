"""The section `model_store.sync` of a platform file."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_on_eks.descriptors.loading import load_platform
from ai_on_eks.errors import InputError

PLATFORM = """\
name: p
region: eu-west-1
network: {{availability_zones: [eu-west-1a, eu-west-1b]{network}}}
model_store: {store}
{more}
"""
TOKEN = "arn:aws:secretsmanager:{region}:111122223333:secret:hub-token-AbCdEf"  # noqa: S105 - names a secret


def load(folder: Path, store: str, network: str = "", more: str = "") -> None:
    path = folder / "platform.yaml"
    path.write_text(PLATFORM.format(store=store, network=network, more=more), encoding="utf-8")
    loaded = load_platform(path).model_store
    assert loaded.sync is not None
    assert loaded.writing_account == "weight-sync"


def refused(folder: Path, *given: str) -> list[tuple[str, str | None]]:
    with pytest.raises(InputError) as caught:
        load(folder, *given)
    assert all(problem.line is not None and problem.fix for problem in caught.value.problems)
    return [(problem.code, problem.path) for problem in caught.value.problems]


def test_given_defaults_or_a_token_of_the_region_then_it_loads(tmp_path: Path) -> None:
    load(tmp_path, "{sync: {}}")
    load(tmp_path, f"{{sync: {{hub_token: '{TOKEN.format(region='eu-west-1')}', megabytes_per_second: 400}}}}")


def test_given_a_token_of_another_region_then_it_is_refused(tmp_path: Path) -> None:
    given = f"{{sync: {{hub_token: '{TOKEN.format(region='us-east-1')}'}}}}"
    assert refused(tmp_path, given) == [("region-mismatch", "model_store.sync.hub_token")]


def test_given_the_token_itself_then_it_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, "{sync: {hub_token: hf_notAnArn}}") == [("bad-pattern", "model_store.sync.hub_token")]


def test_given_a_network_that_reaches_nothing_then_it_is_refused(tmp_path: Path) -> None:
    more = "delivery: {mode: render}\nimage_mirror: 111122223333.dkr.ecr.eu-west-1.amazonaws.com/mirror"
    found = refused(tmp_path, "{sync: {}}", ", nat_gateways: none, interface_endpoints: required", more)
    assert found == [("needs-internet", "model_store.sync")]
