"""What is rehearsed: the project's own models on its platform file in every profile, and on one with every part."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rehearsal_account import ACCOUNT, REGION, ROOT

from ai_on_eks.descriptors.profiles import Profile

MIRROR = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/mirror"
EVERYTHING = "everything"

OWN_NEEDS: Mapping[str, dict[str, Any]] = {Profile.PRIVATE.value: {"image_mirror": MIRROR}}
"""What a profile leaves to the platform file."""

ALL_PARTS: dict[str, Any] = {
    "profile": "production",
    "capacity": {"strategy": "karpenter"},
    "storage": {"fsx": {"zone": "us-east-1a"}, "efs": {}, "s3_mount": {"cache_gib": 50}},
    "model_store": {"writer": "weights-sync"},
    "monitoring": {"kind": "in-cluster"},
    "budget": {"usd_per_month": 20000, "emails": ["owner@example.com"]},
}
STORAGE_BY_MODEL: Mapping[str, str] = {"bge-large-en-v1-5": "efs", "llama-3-3-70b-instruct": "fsx"}

KINDS = (*(profile.value for profile in Profile), EVERYTHING)


@dataclass(frozen=True, slots=True)
class RehearsedPlatform:
    """A platform file and a folder of models, as users have them."""

    name: str
    file: Path
    models: Path

    @property
    def descriptors(self) -> list[str]:
        return [str(path) for path in sorted(self.models.glob("*.yaml"))]


def written(kind: str, folder: Path, *, name: str | None = None) -> RehearsedPlatform:
    """The platform of this profile, or with every part, written to a folder of its own."""
    name = name or f"rehearsed-{kind}"
    own = yaml.safe_load((ROOT / "platform.yaml").read_text(encoding="utf-8"))
    parts = ALL_PARTS if kind == EVERYTHING else {"profile": kind, **OWN_NEEDS.get(kind, {})}
    file = folder / "platform.yaml"
    file.write_text(yaml.safe_dump({**own, **parts, "name": name}), encoding="utf-8")
    models = folder / "models"
    shutil.copytree(ROOT / "models", models)
    for model, storage in STORAGE_BY_MODEL.items() if kind == EVERYTHING else ():
        path = models / f"{model}.yaml"
        descriptor = yaml.safe_load(path.read_text(encoding="utf-8")) | {"storage": storage}
        path.write_text(yaml.safe_dump(descriptor), encoding="utf-8")
    return RehearsedPlatform(name, file, models)
