"""Whether an image runs with the driver of the nodes that its pods lie on.

Both are known here first: the plan says which nodes and the images file which image. Managed groups start from the
newest machine image that EKS has when it makes them, whose driver is at least that of the version known here. What EKS
Auto Mode's nodes have is not published.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from ai_on_eks.catalog.drivers import (
    Mismatch,
    cuda_mismatch,
    least_cuda_driver,
    neuron_mismatch,
    neuron_runtime,
    newest_cuda,
)
from ai_on_eks.catalog.node_images import image_alias, image_driver
from ai_on_eks.catalog.types import InstanceType, Vendor
from ai_on_eks.descriptors.platform import CapacityStrategy, OperatingSystem, Platform
from ai_on_eks.errors import Problem
from ai_on_eks.serving.types import ImageReference

VENDORS: Mapping[Vendor, str] = {Vendor.NVIDIA: "NVIDIA", Vendor.NEURON: "Neuron"}
"""Whose devices have a driver that an image depends on, by the name that people know."""


class Build(Struct, frozen=True):
    """What an image is built with.

    field    of the images file that says so
    value    what it says; None = nothing
    text     the same for people
    version  that a driver is held against; None where it is not known
    """

    vendor: Vendor
    field: str
    value: str | None
    text: str
    version: str | None

    def mismatch(self, driver: str | None) -> Mismatch | None:
        """None where they go together, or one of them is not known."""
        if driver is None or self.version is None:
            return None
        return (cuda_mismatch if self.vendor is Vendor.NVIDIA else neuron_mismatch)(self.version, driver)


def driver_problems(image: ImageReference, instance_type: InstanceType, platform: Platform) -> tuple[Problem, ...]:
    """An image that is known not to start on the nodes. One that does not say what it is built with is no problem."""
    build, driver = _build(image, instance_type), _driver(instance_type, platform)
    mismatch = None if build is None else build.mismatch(driver)
    if build is None or driver is None or mismatch is None or not mismatch.certain:
        return ()
    system = platform.capacity.operating_system
    return (
        Problem(
            code="driver-too-old",
            message=f"{image.repository}:{image.tag} is built with {build.text} and wants {mismatch.wanted}; "
            f"{image_alias(system)} has the {VENDORS[build.vendor]} driver {driver}",
            path=f"images.{image.key}.{build.field}",
            value=build.value,
            fix=_fix(build, driver, system),
        ),
    )


def driver_warnings(image: ImageReference, instance_type: InstanceType, platform: Platform) -> tuple[str, ...]:
    """What could not be held against each other, or is doubtful."""
    build, driver = _build(image, instance_type), _driver(instance_type, platform)
    if build is None:
        return ()
    name, vendor = f"image {image.repository}:{image.tag}", VENDORS[build.vendor]
    if build.value is None:
        where = f"images.{image.key}.{build.field}"
        return (f"{name} does not say what it is built with ({where}), so no driver is held against it",)
    if build.version is None:
        return (f"{name}: which {vendor} driver {build.text} wants is not known, so none is held against it",)
    if driver is None:
        return (f"{name} is built with {build.text}, and the {vendor} driver of {_nodes(platform)} is not known",)
    mismatch = build.mismatch(driver)
    if mismatch is None or mismatch.certain:
        return ()
    return (
        f"{name} is built with {build.text}, and {_nodes(platform)} has the driver {driver}, which is said to want "
        f"{mismatch.wanted}: try them together first",
    )


def _build(image: ImageReference, instance_type: InstanceType) -> Build | None:
    """None where the nodes have no device with a driver."""
    accelerator = instance_type.accelerator
    if accelerator is None or accelerator.vendor not in VENDORS:
        return None
    if accelerator.vendor is Vendor.NVIDIA:
        known = None if image.cuda is None or least_cuda_driver(image.cuda) is None else image.cuda
        return Build(Vendor.NVIDIA, "cuda", image.cuda, f"CUDA {image.cuda}", known)
    runtime = None if image.neuron_sdk is None else neuron_runtime(image.neuron_sdk)
    text = f"Neuron SDK {image.neuron_sdk}" + ("" if runtime is None else f" (runtime {runtime})")
    return Build(Vendor.NEURON, "neuron_sdk", image.neuron_sdk, text, runtime)


def _driver(instance_type: InstanceType, platform: Platform) -> str | None:
    accelerator, capacity = instance_type.accelerator, platform.capacity
    if accelerator is None or capacity.strategy is CapacityStrategy.AUTO_MODE:
        return None
    return image_driver(capacity.operating_system, accelerator.vendor)


def _nodes(platform: Platform) -> str:
    if platform.capacity.strategy is CapacityStrategy.AUTO_MODE:
        return "EKS Auto Mode's nodes"
    return image_alias(platform.capacity.operating_system)


def _fix(build: Build, driver: str, system: OperatingSystem) -> str:
    """Other nodes where they have what is wanted, else another image."""
    for other in OperatingSystem:
        theirs = image_driver(other, build.vendor)
        if other is not system and theirs is not None and build.mismatch(theirs) is None:
            return f"set capacity.operating_system to {other.value}, whose image has the driver {theirs}"
    if build.vendor is Vendor.NEURON:
        return "name an image of an older Neuron SDK in the file of images"
    newest = newest_cuda(driver)
    suited = "an older CUDA" if newest is None else f"CUDA {newest} or older"
    return f"name an image that is built with {suited} in the file of images"
