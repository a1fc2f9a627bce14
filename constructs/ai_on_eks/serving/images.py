"""The images file: which container images the engines run, each with a place for its digest.

    docker.io/vllm/vllm-openai:v0.33.0@sha256:…      repository:tag@digest

A tag without a digest is mutable: whoever owns the registry can change what runs. Such an image is still used, and
everything that uses it says `unpinned`. `ai_on_eks.serving.lock` fills the digests in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator
from pydantic_core import PydanticCustomError

from ai_on_eks.descriptors.documents import read_yaml, validate
from ai_on_eks.descriptors.schema import Strict
from ai_on_eks.serving.types import ImageReference

PACKAGED_IMAGES = Path(__file__).parent / "data" / "images.yaml"

FLOATING_TAGS = frozenset({"latest", "main", "master", "nightly", "edge", "stable", "dev"})
"""Tags that name no release: what they point to is meant to change."""

ImageKey = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$")]
Repository = Annotated[
    str,
    StringConstraints(
        pattern=r"^(localhost|[a-z0-9-]+(\.[a-z0-9-]+)+)(:[0-9]{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+$", max_length=255
    ),
]
Tag = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$")]
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Day = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")]


class Image(Strict):
    """One entry. `digest` and `verified` are always written, null until `ai-on-eks images lock` has run."""

    repository: Repository = Field(description="registry host and path, such as docker.io/vllm/vllm-openai")
    tag: Tag = Field(description="an exact release; latest and its like are refused")
    digest: Digest | None = Field(description="sha256:… of the manifest behind the tag")
    verified: Day | None = Field(description="day on which the registry gave that digest, YYYY-MM-DD")
    size_bytes: int = Field(gt=0, description="space on a node's disk once unpacked")
    size_source: str | None = Field(default=None, description="what the size rests on")

    @field_validator("tag")
    @classmethod
    def _names_a_release(cls, tag: str) -> str:
        if tag.lower() in FLOATING_TAGS:
            raise PydanticCustomError("floating-tag", "a floating tag names no release, give an exact version")
        return tag

    @model_validator(mode="after")
    def _digest_has_its_day(self) -> Image:
        if (self.digest is None) != (self.verified is None):
            raise PydanticCustomError("digest-without-day", "digest and verified are given together or are both null")
        return self


class ImagesFile(Strict):
    """The whole file."""

    schema_version: Literal["v1"] = Field(alias="schema", description="version of this format")
    images: dict[ImageKey, Image] = Field(min_length=1, description="images by the key the engine catalogue uses")


def load_images(path: Path | None = None) -> Mapping[str, ImageReference]:
    """The images of a file, or of the one shipped with the package. All problems of the file are raised at once."""
    document = validate(read_yaml(path or PACKAGED_IMAGES), ImagesFile)
    return {
        key: ImageReference(
            key=key,
            repository=image.repository,
            tag=image.tag,
            digest=image.digest,
            verified=image.verified,
            size_bytes=image.size_bytes,
        )
        for key, image in document.images.items()
    }


def unpinned_warnings(images: Iterable[ImageReference]) -> tuple[str, ...]:
    """One warning for each image without a digest, in the order given."""
    return tuple(
        f"image {image.reference} is unpinned: its tag can be moved; `ai-on-eks images lock` pins it"
        for image in images
        if image.digest is None
    )
