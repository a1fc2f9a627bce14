"""The size classes and where one ends."""

from __future__ import annotations

import pytest

from ai_on_eks.descriptors.size_class import size_class


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (25_557_032, "<1B"),
        (999_999_999, "<1B"),
        (10**9, "1-10B"),
        (8_030_261_248, "1-10B"),
        (10**10, "10-100B"),
        (70_553_706_496, "10-100B"),
        (10**11, ">100B"),
        (671_026_419_200, ">100B"),
    ],
)
def test_given_parameters_when_classed_then_by_their_number_alone(parameters: int, expected: str) -> None:
    assert size_class(parameters) == expected
