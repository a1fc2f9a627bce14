"""Which driver an image wants: NVIDIA's table, and what is known of Neuron's pairs."""

from __future__ import annotations

from itertools import pairwise

import pytest

from ai_on_eks.catalog.drivers import (
    Mismatch,
    cuda_mismatch,
    least_cuda_driver,
    neuron_mismatch,
    neuron_runtime,
    newest_cuda,
)
from ai_on_eks.catalog.node_images import image_driver, image_parts
from ai_on_eks.catalog.reading import read
from ai_on_eks.catalog.types import Vendor
from ai_on_eks.catalog.versions import numbers
from ai_on_eks.descriptors.platform import OperatingSystem


@pytest.mark.parametrize(
    ("cuda", "driver", "wanted"),
    [
        ("13.0", "580.159.03", None),
        ("13.3.1", "580.65.06", None),
        ("13", "579.99", "driver 580 or newer"),
        ("13.0", "570.195.03", "driver 580 or newer"),
        ("12.8.1", "570.195.03", None),
        ("12", "524.0", "driver 525 or newer"),
        ("12.0", "595.91.07", None),
        ("11.2", "450.80.02", None),
    ],
)
def test_a_driver_suffices_for_every_minor_release_of_its_cuda_and_for_older_ones(
    cuda: str, driver: str, wanted: str | None
) -> None:
    assert cuda_mismatch(cuda, driver) == (None if wanted is None else Mismatch(wanted))


def test_a_major_release_that_nobody_wrote_down_is_unknown_and_not_fine() -> None:
    assert least_cuda_driver("14.0") is None
    assert (newest_cuda("580.159.03"), newest_cuda("570.1"), newest_cuda("440.1")) == ("13", "12", None)


def test_a_newer_cuda_wants_a_newer_driver() -> None:
    table = read("drivers.json")["cuda"]["least_driver"]
    majors = sorted(table, key=int)
    assert [int(major) for major in majors] == list(range(int(majors[0]), int(majors[-1]) + 1))
    assert all(numbers(table[older]) < numbers(table[newer]) for older, newer in pairwise(majors))


def test_a_newer_sdk_brings_a_newer_runtime_and_a_newer_driver_which_go_together() -> None:
    sdks = read("drivers.json")["neuron"]["sdks"]
    ordered = sorted(sdks, key=numbers)
    for older, newer in pairwise(ordered):
        assert all(numbers(sdks[older][part]) < numbers(sdks[newer][part]) for part in ("runtime", "driver"))
    for sdk in ordered:
        assert neuron_mismatch(sdks[sdk]["runtime"], sdks[sdk]["driver"]) is None


@pytest.mark.parametrize(
    ("sdk", "driver", "expected"),
    [
        ("2.30.0", "2.26.5.0", Mismatch("driver 2.27 or newer")),
        ("2.32.0", "2.26.10.0", Mismatch("driver 2.27 or newer")),
        ("2.30.0", "2.27.0.0", None),
        ("2.29.0", "2.24.7.0", None),
        ("2.28.0", "2.29.0.0", Mismatch("runtime 2.33 or newer", certain=False)),
        ("2.31.0", "2.29.0.0", None),
        ("2.28.0", "2.28.0.0", None),
    ],
)
def test_a_runtime_and_a_driver_go_together_unless_somebody_says_otherwise(
    sdk: str, driver: str, expected: Mismatch | None
) -> None:
    runtime = neuron_runtime(sdk)
    assert runtime is not None
    assert neuron_mismatch(runtime, driver) == expected
    assert neuron_runtime("1.0.0") is None


@pytest.mark.parametrize("system", OperatingSystem)
def test_every_image_that_nodes_start_from_tells_its_drivers_and_parts_or_that_they_are_unknown(
    system: OperatingSystem,
) -> None:
    drivers = read("node_images.json")["drivers"][system]
    assert set(drivers) == {Vendor.NVIDIA, Vendor.NEURON}
    nvidia = image_driver(system, Vendor.NVIDIA)
    assert nvidia is not None
    assert newest_cuda(nvidia) == "13"
    assert image_driver(system, Vendor.OTHER) is None
    assert set(image_parts(system)) == {"container toolkit", "containerd", "runc"}
    assert all(numbers(version) for version in (*drivers.values(), *image_parts(system).values()) if version)
