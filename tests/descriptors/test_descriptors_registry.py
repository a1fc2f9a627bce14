"""The registry's table and the modules it names say the same."""

from __future__ import annotations

from importlib import import_module

import pytest

from ai_on_eks.descriptors.architectures import registry
from ai_on_eks.descriptors.schema import Family


@pytest.mark.parametrize("name", sorted(registry.MODULES))
def test_given_a_module_when_looked_up_then_it_reads_exactly_the_model_types_of_the_table(name: str) -> None:
    module = import_module(f"ai_on_eks.descriptors.architectures.{name}")
    listed = registry.MODULES[name]
    assert sorted(module.MODEL_TYPES) == sorted(listed) == list(listed)
    assert sorted(module.DEFAULTS) == sorted(listed)
    families = module.FAMILY if isinstance(module.FAMILY, dict) else {"": module.FAMILY}
    assert {Family(one) for one in families.values()}


def test_given_all_modules_then_no_model_type_is_read_by_two() -> None:
    every = [model_type for model_types in registry.MODULES.values() for model_type in model_types]
    assert len(every) == len(set(every))
