"""Time from a node's start to the first answer, by its parts."""

from __future__ import annotations

import pytest

from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.performance.readiness import WeightSource, read_bytes_per_second, time_to_ready

TYPES = load_catalog("us-east-1").instance_types
G6E = TYPES["g6e.4xlarge"]


def seconds(
    source: WeightSource = WeightSource.S3, weights_bytes: int = 16 * 10**9, **changed: object
) -> dict[str, float]:
    found = time_to_ready(
        G6E,
        image_bytes=22 * 10**9,
        weights_bytes=weights_bytes,
        source=source,
        process_seconds=30.0,
        warm_up_seconds=80.0,
        **changed,  # type: ignore[arg-type] # keywords of several types
    )
    return {term.name: term.seconds for term in found.terms} | {
        "total": found.total_seconds,
        "container": found.container_seconds,
    }


def test_given_weights_in_s3_when_they_are_streamed_then_the_network_decides() -> None:
    found = seconds()
    assert found["weights"] == pytest.approx(16e9 / (0.8 * G6E.network_gbps / max(1, G6E.network_cards) * 1e9 / 8))
    assert found["staging"] == 0.0
    assert found["container"] == pytest.approx(110.0 + found["weights"])
    assert found["total"] == pytest.approx(found["container"] + found["node"] + found["image"])


def test_given_weights_that_are_staged_when_they_are_read_then_the_disk_is_passed_twice() -> None:
    found = seconds(is_staged=True)
    assert found["staging"] == found["weights"] == pytest.approx(16e9 / (125 * 2**20))


def test_given_replicas_that_share_a_node_when_they_start_then_each_has_its_share() -> None:
    assert seconds(replicas_per_node=4)["weights"] == pytest.approx(4 * seconds()["weights"])


def test_given_parallel_pulling_when_the_image_comes_then_it_is_as_fast_as_measured() -> None:
    # 8.8 GB compressed, 22 GB unpacked, in 48 s on this very type (EKS user guide, 2026)
    assert seconds(parallel_pull=True)["image"] == pytest.approx(48, rel=0.02)


@pytest.mark.parametrize("source", list(WeightSource))
def test_given_any_source_when_read_then_never_faster_than_the_network_or_disk(source: WeightSource) -> None:
    for instance_type in TYPES.values():
        if instance_type.network_gbps:
            speed = read_bytes_per_second(instance_type, source, 1)
            assert 0 < speed <= max(read_bytes_per_second(instance_type, WeightSource.S3, 1), 125 * 2**20)
