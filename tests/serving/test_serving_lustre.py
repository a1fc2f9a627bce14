"""Size and speed of the file system, from the models' bytes and the time they may take to be read."""

from __future__ import annotations

from typing import Any

import pytest

from ai_on_eks.descriptors.platform_storage import FsxForLustre
from ai_on_eks.serving.lustre import LustreShape, lustre_shape
from ai_on_eks.units import GIB

GB = 10**9


def settings(**changes: Any) -> FsxForLustre:
    return FsxForLustre(zone="us-east-1a", **changes)


@pytest.mark.parametrize(
    ("weights_gb", "changes", "size_gib", "throughput"),
    [
        ((), {}, 1200, 125),
        # 16 GB ÷ 120 s = 133 MB/s; 1,200 GiB × 125 = 146 MB/s
        ((16,), {}, 1200, 125),
        # 141 GB ÷ 120 s = 1,175 MB/s; 1,200 GiB × 1,000 = 1,172 MB/s is not enough, so it grows
        ((141,), {}, 2400, 1000),
        # 140 GB ÷ 120 s = 1,167 MB/s
        ((140,), {}, 1200, 1000),
        # two revisions of 700 GB are 1,304 GiB: 2,400 GiB; 5,833 MB/s take 5,974 GiB at 1,000: 7,200 GiB
        ((700,), {}, 7200, 1000),
        # the largest model decides the speed, all of them the size: 2 × 1,400 GB = 2,608 GiB
        ((700, 700), {"load_seconds": 3600}, 4800, 125),
        ((141,), {"load_seconds": 600}, 1200, 250),
        ((141,), {"size_gib": 4800}, 4800, 500),
        ((141,), {"throughput_mbps_per_tib": 250}, 7200, 250),
        # what is named is taken as it is, even where it is too slow
        ((141,), {"size_gib": 1200, "throughput_mbps_per_tib": 125}, 1200, 125),
        ((141,), {"efa": True, "throughput_mbps_per_tib": 1000}, 4800, 1000),
        ((), {"efa": True, "throughput_mbps_per_tib": 125}, 38400, 125),
    ],
)
def test_given_models_then_the_shape_follows(
    weights_gb: tuple[int, ...], changes: dict[str, Any], size_gib: int, throughput: int
) -> None:
    assert lustre_shape(settings(**changes), [one * GB for one in weights_gb]) == LustreShape(size_gib, throughput)


@pytest.mark.parametrize("load_seconds", [1, 30, 120, 3600])
@pytest.mark.parametrize("weights_gb", [(1,), (16, 141), (700,), (1500, 10, 10)])
def test_given_no_figure_then_models_fit_and_are_read_in_time(load_seconds: int, weights_gb: tuple[int, ...]) -> None:
    weights = [one * GB for one in weights_gb]
    shape = lustre_shape(settings(load_seconds=load_seconds), weights)
    assert shape.size_gib * GIB >= 2 * sum(weights)
    assert max(weights) / shape.bytes_per_second <= load_seconds
    assert shape.size_gib == 1200 or shape.size_gib % 2400 == 0


def test_given_a_shape_that_was_taken_then_it_is_taken_again() -> None:
    """GIVEN figures written into the settings WHEN they are computed once more THEN they stay."""
    shape = lustre_shape(settings(), [141 * GB])
    fixed = settings(size_gib=shape.size_gib, throughput_mbps_per_tib=shape.throughput_mbps_per_tib)
    assert lustre_shape(fixed, [700 * GB]) == shape


def test_given_a_size_and_a_tier_then_their_product_is_the_throughput() -> None:
    assert LustreShape(1200, 1000).bytes_per_second == pytest.approx(1.171875e9)
