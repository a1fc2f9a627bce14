"""Dividing a device: slices that add up, memory that is there, and only devices that can."""

from __future__ import annotations

import pytest

from ai_on_eks.catalog.loading import build_catalog
from ai_on_eks.catalog.mig import LEAST_SHARE, load_mig_profiles, mig_profiles
from ai_on_eks.catalog.types import Accelerator
from ai_on_eks.units import GIB

ACCELERATORS = build_catalog("us-east-1", {}).accelerators
DIVISIBLE = [accelerator for accelerator in ACCELERATORS.values() if accelerator.mig_profiles]


def test_given_the_accelerators_then_exactly_those_that_nvidia_divides_have_profiles() -> None:
    assert {accelerator.name for accelerator in DIVISIBLE} == set(load_mig_profiles())
    assert {accelerator.name for accelerator in DIVISIBLE} == {
        "a100-40gb", "a100-80gb", "b200", "b300", "h100", "h200", "rtx-pro-4500", "rtx-pro-6000",
    }  # fmt: skip
    assert all((accelerator.compute_capability or (0, 0)) >= (8, 0) for accelerator in DIVISIBLE)


@pytest.mark.parametrize("accelerator", DIVISIBLE, ids=lambda accelerator: accelerator.name)
def test_given_a_device_then_its_parts_fit_into_it(accelerator: Accelerator) -> None:
    for profile in accelerator.mig_profiles:
        assert 0 < profile.compute_share <= 1
        assert 0 < profile.memory_share <= 1
        assert profile.most_per_device * profile.compute_share <= 1
        assert profile.most_per_device * profile.memory_share <= 1
        assert profile.most_per_device * profile.memory_bytes <= accelerator.memory_bytes
        least = LEAST_SHARE * profile.memory_share * accelerator.memory_bytes
        assert profile.memory_bytes >= int(least)


@pytest.mark.parametrize("accelerator", DIVISIBLE, ids=lambda accelerator: accelerator.name)
def test_given_a_device_then_its_profiles_ascend_and_have_names_of_their_own(accelerator: Accelerator) -> None:
    sizes = [(profile.compute_slices, profile.memory_slices) for profile in accelerator.mig_profiles]
    assert sizes == sorted(set(sizes))
    for profile in accelerator.mig_profiles:
        compute, _, memory = profile.name.partition("g.")
        assert int(compute) == profile.compute_slices
        # The name rounds the part's share of the brochure's memory up to a whole GB.
        assert 0.86 <= profile.memory_bytes / (int(memory.removesuffix("gb")) * GIB) <= 1.0 or not profile.memory_bytes


def test_given_memory_that_somebody_published_then_it_wins_over_the_share() -> None:
    profiles = {profile.name: profile for profile in ACCELERATORS["h200"].mig_profiles}
    assert profiles["1g.18gb"].memory_bytes == 16 * GIB
    assert profiles["3g.71gb"].memory_bytes == int(139.8 * GIB / 2 * LEAST_SHARE)


def test_given_a_device_that_does_not_divide_then_it_has_no_profiles() -> None:
    assert mig_profiles(None, 1.0) == ()
    assert ACCELERATORS["l4"].mig_profiles == ()
