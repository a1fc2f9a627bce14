"""Profiles: the file wins, then the profile, then the default; what the two make together is checked as one file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from ai_on_eks.descriptors.document import Document
from ai_on_eks.descriptors.loading import load_platform
from ai_on_eks.descriptors.platform import DeliveryMode, Platform
from ai_on_eks.descriptors.platform_network import InterfaceEndpoints, NatGateways
from ai_on_eks.descriptors.profiles import FOLDER, Profile, profile_values, with_profile
from ai_on_eks.errors import InputError

MIRROR = "111122223333.dkr.ecr.us-east-1.amazonaws.com/mirror"


def load(folder: Path, profile: str | None, **settings: Any) -> Platform:
    document = {"name": "ai", "region": "us-east-1", "network": {}, **settings}
    document["network"] = {"availability_zones": ["us-east-1a", "us-east-1b", "us-east-1c"], **document["network"]}
    if profile is not None:
        document["profile"] = profile
    path = folder / "platform.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return load_platform(path)


def leaves(values: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        where = f"{path}.{key}" if path else key
        if isinstance(value, Mapping):
            yield from leaves(value, where)
        else:
            yield where, value


def setting(platform: Platform, path: str) -> Any:
    value: Any = platform
    for name in path.split("."):
        value = getattr(value, name)
    return value


def test_every_profile_has_its_file_and_every_file_its_profile() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == {profile.value for profile in Profile}


def test_minimal_is_the_defaults_and_what_no_profile_means(tmp_path: Path) -> None:
    assert profile_values(Profile.MINIMAL) == {}
    assert load(tmp_path, None) == load(tmp_path, "minimal")
    assert load(tmp_path, None).profile is Profile.MINIMAL


@pytest.mark.parametrize("profile", [Profile.PRODUCTION, Profile.PRIVATE])
def test_a_profile_sets_what_it_says_and_nothing_that_is_the_default_anyway(tmp_path: Path, profile: Profile) -> None:
    default = load(tmp_path, None, image_mirror=MIRROR)
    made = load(tmp_path, profile.value, image_mirror=MIRROR)
    said = dict(leaves(profile_values(profile)))
    assert said
    for path, value in said.items():
        assert setting(made, path) == value, path
        assert setting(default, path) != value, path


def test_the_file_overrides_key_by_key(tmp_path: Path) -> None:
    platform = load(tmp_path, "production", network={"nat_gateways": "one"}, capacity={"system_nodes": {"count": 5}})
    assert platform.network.nat_gateways is NatGateways.ONE
    assert platform.network.minimum_zones == 3
    assert platform.capacity.system_nodes.count == 5
    assert platform.capacity.system_nodes.instance_type == "m7i.large"
    assert platform.cluster.add_ons.metrics_server is True


def test_a_list_of_the_file_replaces_the_profile_s(monkeypatch: pytest.MonkeyPatch) -> None:
    base = {"a": {"list": [1, 2], "kept": 1}, "text": "x"}
    monkeypatch.setattr("ai_on_eks.descriptors.profiles.profile_values", lambda _profile: base)
    document = Document("f", {"profile": "minimal", "a": {"list": [3]}, "text": {"now": "a mapping"}})
    assert with_profile(document).value == {
        "profile": "minimal", "a": {"list": [3], "kept": 1}, "text": {"now": "a mapping"},
    }  # fmt: skip
    assert base == {"a": {"list": [1, 2], "kept": 1}, "text": "x"}


def test_production_is_private_and_spans_three_zones(tmp_path: Path) -> None:
    platform = load(tmp_path, "production")
    assert platform.cluster.public_access_cidrs == ()
    assert platform.network.nat_gateways is NatGateways.PER_ZONE
    with pytest.raises(InputError) as caught:
        load(tmp_path, "production", network={"availability_zones": ["us-east-1a", "us-east-1b"]})
    (problem,) = caught.value.problems
    assert (problem.code, problem.path, problem.line) == ("too-few-zones", "network.availability_zones", 4)


def test_private_reaches_nothing_and_says_what_would_need_the_internet(tmp_path: Path) -> None:
    platform = load(tmp_path, "private", image_mirror=MIRROR)
    assert platform.network.is_isolated
    assert platform.network.interface_endpoints is InterfaceEndpoints.REQUIRED
    assert platform.delivery.mode is DeliveryMode.RENDER
    with pytest.raises(InputError) as caught:
        load(tmp_path, "private", delivery={"mode": "apply"})
    assert [(problem.code, problem.path) for problem in caught.value.problems] == [
        ("needs-internet", "image_mirror"),
        ("needs-internet", "delivery.mode"),
    ]


def test_an_unknown_profile_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, "huge")
    (problem,) = caught.value.problems
    assert problem.path == "profile"
    assert problem.allowed == tuple(profile.value for profile in Profile)
    with pytest.raises(InputError) as caught:
        load(tmp_path, ["minimal"])  # type: ignore[arg-type]
    assert caught.value.problems[0].path == "profile"


@pytest.mark.parametrize("mirror", ["https://registry.example.com", "localhost", "registry.example.com/", "a.b/C"])
def test_a_mirror_is_a_registry_without_scheme(tmp_path: Path, mirror: str) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, None, image_mirror=mirror)
    assert [(problem.code, problem.path) for problem in caught.value.problems] == [("bad-pattern", "image_mirror")]


def test_days_of_logs_are_those_cloudwatch_takes(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, None, retention={"flow_logs_days": 100})
    (problem,) = caught.value.problems
    assert problem.path == "retention.flow_logs_days"
    assert "365" in problem.allowed
