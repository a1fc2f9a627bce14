from __future__ import annotations

import re

import pytest

from ai_on_eks.catalog.node_images import image_alias
from ai_on_eks.descriptors.platform import OperatingSystem


@pytest.mark.parametrize("system", [OperatingSystem.AL2023])
def test_every_operating_system_that_is_started_by_version_has_a_pinned_image_of_its_own_family(
    system: OperatingSystem,
) -> None:
    """Bottlerocket nodes are managed groups, whose image EKS chooses; a check of the platform file sees to it."""
    family, version = image_alias(system).split("@")
    assert family == system.value
    assert re.fullmatch(r"v\d+(\.\d+)*", version)


def test_an_image_nobody_pinned_is_no_default() -> None:
    with pytest.raises(KeyError):
        image_alias("al2")
