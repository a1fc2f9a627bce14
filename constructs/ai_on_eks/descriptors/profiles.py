"""Profiles: small base files shipped with the package, which a platform file overrides key by key.

    effective value = the platform file's, else the profile's, else the default

A mapping is overridden key by key, anything else as a whole: a list in the file replaces the profile's. What the two
make together is checked like one file, and a mistake is told at the line of the platform file nearest to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from ai_on_eks.descriptors.document import Document
from ai_on_eks.descriptors.documents import read_yaml

FOLDER = Path(__file__).resolve().parent / "platform_profiles"
KEY = "profile"


class Profile(StrEnum):
    MINIMAL = "minimal"
    PRODUCTION = "production"
    PRIVATE = "private"


@cache
def profile_values(profile: Profile) -> Mapping[str, Any]:
    """What a profile sets. The value is shared: nobody changes it."""
    values: Mapping[str, Any] = read_yaml(FOLDER / f"{profile}.yaml").value
    return values


def with_profile(document: Document) -> Document:
    """The document over the profile it names. An unknown name is left for the check of the whole."""
    given = document.value
    if not isinstance(given, dict) or given.get(KEY) not in list(Profile):
        return document
    return replace(document, value=_over(profile_values(Profile(given[KEY])), given))


def _over(base: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**base, **given}
    for key in base.keys() & given.keys():
        if isinstance(base[key], dict) and isinstance(given[key], dict):
            merged[key] = _over(base[key], given[key])
    return merged
