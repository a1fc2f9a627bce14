from __future__ import annotations

import re

import pytest

from ai_on_eks.catalog.node_images import image_alias
from ai_on_eks.descriptors.platform import OperatingSystem


@pytest.mark.parametrize("system", OperatingSystem)
def test_every_operating_system_has_a_pinned_image_of_its_own_family(system: OperatingSystem) -> None:
    family, version = image_alias(system).split("@")
    assert family == system.value
    assert re.fullmatch(r"v\d+(\.\d+)*", version)


def test_an_image_nobody_pinned_is_no_default() -> None:
    with pytest.raises(KeyError):
        image_alias("al2")
