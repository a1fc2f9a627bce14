"""The images file: which container images the engines run, each with a place for its digest.

    docker.io/vllm/vllm-openai:v0.33.0@sha256:…      repository:tag@digest

A tag without a digest is mutable: whoever owns the registry can change what runs. Such an image is still used, and
everything that uses it says `unpinned`. `ai_on_eks.serving.lock` fills the digests in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec.structs import replace
from pydantic import Field, StringConstraints

from ai_on_eks.descriptors.documents import Document, read_yaml, validate
from ai_on_eks.descriptors.patterns import FORMS, Form
from ai_on_eks.descriptors.schema import Strict
from ai_on_eks.errors import InputError, Problem
from ai_on_eks.serving.types import ImageReference

PACKAGED_IMAGES = Path(__file__).parent / "data" / "images.yaml"

FLOATING_TAGS = frozenset({"latest", "main", "master", "nightly", "edge", "stable", "dev"})
"""Tags that name no release: what they point to is meant to change."""

KEY = Form(
    r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$", "an image key: lower-case letters, digits, dots and hyphens", "tei-89"
)
REPOSITORY = Form(
    r"^(localhost|[a-z0-9-]+(\.[a-z0-9-]+)+)(:[0-9]{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+$",
    "registry host and path, without scheme, user, tag or digest",
    "docker.io/vllm/vllm-openai",
)
TAG = Form(
    r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$", "the tag of an exact release, in quotes where it is a number", "v0.33.0"
)
DIGEST = Form(r"^sha256:[0-9a-f]{64}$", "sha256: and 64 lower-case hexadecimal digits", "sha256:…, or null")
CUDA = Form(r"^[1-9][0-9]*(\.[0-9]+){0,2}$", "a release of CUDA in quotes, or its major number", '"13.0"')
NEURON_SDK = Form(r"^[1-9][0-9]*\.[0-9]+\.[0-9]+$", "a release of the Neuron SDK", "2.28.0")
DAY = Form(r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$", "a day as YYYY-MM-DD", "'2026-11-24'")
# The words for a pattern's faults; descriptors bring theirs along, these are this file's own.
FORMS.update({form.expression: form for form in (KEY, REPOSITORY, TAG, DIGEST, CUDA, NEURON_SDK, DAY)})

ImageKey = Annotated[str, StringConstraints(pattern=KEY.expression)]
Repository = Annotated[str, StringConstraints(pattern=REPOSITORY.expression, max_length=255)]
Tag = Annotated[str, StringConstraints(pattern=TAG.expression)]
Digest = Annotated[str, StringConstraints(pattern=DIGEST.expression)]
Cuda = Annotated[str, StringConstraints(pattern=CUDA.expression)]
NeuronSdk = Annotated[str, StringConstraints(pattern=NEURON_SDK.expression)]
Day = Annotated[str, StringConstraints(pattern=DAY.expression)]


class Image(Strict):
    """One entry. `digest` and `verified` are always written, null until `ai-on-eks images lock` has run."""

    repository: Repository = Field(description="registry host and path, such as docker.io/vllm/vllm-openai")
    tag: Tag = Field(description="an exact release; latest and its like are refused")
    digest: Digest | None = Field(description="sha256:… of the manifest behind the tag")
    verified: Day | None = Field(description="day on which the registry gave that digest, YYYY-MM-DD")
    size_bytes: int = Field(gt=0, description="space on a node's disk once unpacked")
    size_source: str | None = Field(default=None, description="what the size rests on")
    cuda: Cuda | None = Field(
        default=None, description="release of CUDA that it is built with, which the nodes' driver is held against"
    )
    cuda_source: str | None = Field(default=None, description="where that stands")
    neuron_sdk: NeuronSdk | None = Field(
        default=None, description="release of the Neuron SDK that its runtime is of, held against the nodes' driver"
    )
    neuron_sdk_source: str | None = Field(default=None, description="where that stands")
    user_id: int | None = Field(
        default=None, ge=1, le=2**31 - 1, description="the account that the image is made for; default: any but root's"
    )
    user_source: str | None = Field(default=None, description="where the account is published")


class ImagesFile(Strict):
    """The whole file."""

    schema_version: Literal["v1"] = Field(alias="schema", description="version of this format")
    images: dict[ImageKey, Image] = Field(min_length=1, description="images by the key the engine catalogue uses")


def load_images(path: Path | None = None) -> Mapping[str, ImageReference]:
    """The images of a file, or of the one shipped with the package. All problems of the file are raised at once."""
    document = read_yaml(path or PACKAGED_IMAGES)
    unfit = list(_unfit_tags_and_digests(document))
    try:
        parsed = validate(document, ImagesFile)
    except InputError as error:
        raise InputError(sorted((*error.problems, *unfit), key=lambda problem: problem.line or 0)) from None
    if unfit:
        raise InputError(unfit)
    return {
        key: ImageReference(
            key=key,
            repository=image.repository,
            tag=image.tag,
            digest=image.digest,
            verified=image.verified,
            size_bytes=image.size_bytes,
            cuda=image.cuda,
            neuron_sdk=image.neuron_sdk,
            user_id=image.user_id,
        )
        for key, image in parsed.images.items()
    }


def mirrored(images: Mapping[str, ImageReference], mirror: str) -> Mapping[str, ImageReference]:
    """The same images out of a registry that holds them below the name of the registry each comes from."""
    return {key: replace(image, repository=f"{mirror}/{image.repository}") for key, image in images.items()}


def _unfit_tags_and_digests(document: Document) -> Iterator[Problem]:
    """What no form of a single value can say. The document may still be malformed in any other way."""
    for key, entry in _mapping(_mapping(document.value).get("images")).items():
        fields, path = _mapping(entry), f"images.{key}"
        tag, digest, verified = fields.get("tag"), fields.get("digest"), fields.get("verified")
        if isinstance(tag, str) and tag.lower() in FLOATING_TAGS:
            yield Problem(
                code="floating-tag",
                message=f"'{tag}' names no release, what it points to is meant to change",
                file=document.file,
                line=document.line(f"{path}.tag"),
                path=f"{path}.tag",
                value=tag,
                fix="write the tag of an exact release, such as v0.33.0",
            )
        if "digest" in fields and "verified" in fields and (digest is None) != (verified is None):
            yield Problem(
                code="digest-without-day",
                message="digest and verified are given together or are both null",
                file=document.file,
                line=document.line(f"{path}.digest"),
                path=f"{path}.digest",
                value=digest,
                fix="set both to null and run ai-on-eks images lock",
            )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def unpinned_warnings(images: Iterable[ImageReference]) -> tuple[str, ...]:
    """One warning for each image without a digest, in the order given."""
    return tuple(
        f"image {image.reference} is unpinned: its tag can be moved; `ai-on-eks images lock` pins it"
        for image in images
        if image.digest is None
    )
