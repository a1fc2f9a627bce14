"""Rules that fill the mirror: one for each registry that ECR caches and that asks for nothing nobody gave."""

from __future__ import annotations

from typing import Any

import pytest
from aws_templates import all_of, samples, template_of

from ai_on_eks.aws.pull_through_cache import PullThroughCache
from ai_on_eks.catalog.pull_through import upstreams
from ai_on_eks.descriptors.platform_checks import check_platform
from ai_on_eks.descriptors.platform_images import ASKING, ImageCache, mirror_path

SECRET = "arn:aws:secretsmanager:us-east-1:111122223333:secret:ecr-pullthroughcache/docker-AbCdEf"  # noqa: S105 - a name
MIRROR = "111122223333.dkr.ecr.us-east-1.amazonaws.com/mirror"


def rules(**credentials: str) -> dict[str, dict[str, Any]]:
    cache = ImageCache(credentials=credentials)
    template = template_of(lambda stack: PullThroughCache(stack, "Cache", prefix="mirror", cache=cache))
    found = [one["Properties"] for one in all_of(template, "AWS::ECR::PullThroughCacheRule").values()]
    return {one["EcrRepositoryPrefix"]: one for one in found}


def test_registries_that_ask_for_nothing_are_cached_without_more() -> None:
    assert set(rules()) == {"mirror/public.ecr.aws", "mirror/quay.io", "mirror/registry.k8s.io"}


def test_a_registry_that_asks_is_cached_with_its_secret() -> None:
    rule = rules(**{"docker.io": SECRET})["mirror/docker.io"]
    assert rule["CredentialArn"] == SECRET
    assert (rule["UpstreamRegistry"], rule["UpstreamRegistryUrl"]) == ("docker-hub", "registry-1.docker.io")


def test_no_rule_has_a_longer_prefix_than_ecr_takes() -> None:
    longest = "m" * 14
    problems = check_platform(
        samples.platform(image_mirror=MIRROR.replace("mirror", longest), image_cache=ImageCache())
    )
    assert problems == []
    assert max(len(f"{longest}/{name}") for name in upstreams()) == 30


def test_the_registries_that_ask_are_those_of_the_catalogue() -> None:
    assert tuple(name for name, upstream in upstreams().items() if upstream.credentials) == ASKING


@pytest.mark.parametrize(
    ("mirror", "path"),
    [(MIRROR, "mirror"), (f"{MIRROR}/a", "mirror/a"), ("registry.example.com/mirror", None)],
)
def test_the_path_of_a_mirror_is_what_stands_behind_the_registry(mirror: str, path: str | None) -> None:
    assert mirror_path(mirror) == path


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"image_mirror": MIRROR}, []),
        ({"image_mirror": None}, ["setting-without-effect"]),
        ({"image_mirror": "registry.example.com/mirror"}, ["image-cache-elsewhere"]),
        ({"image_mirror": MIRROR.replace("us-east-1", "eu-west-1")}, ["image-cache-elsewhere"]),
        ({"image_mirror": MIRROR, "account": "444455556666"}, ["image-cache-elsewhere"]),
        ({"image_mirror": MIRROR.replace("mirror", "m" * 15)}, ["image-cache-elsewhere"]),
        (
            {"image_mirror": MIRROR, "image_cache": ImageCache(credentials={"quay.io": SECRET})},
            ["setting-without-effect"],
        ),
    ],
)
def test_a_mirror_that_ecr_cannot_fill_is_refused(changes: dict[str, Any], codes: list[str]) -> None:
    problems = check_platform(samples.platform(**{"image_cache": ImageCache(), **changes}))
    assert [problem.code for problem in problems] == codes
