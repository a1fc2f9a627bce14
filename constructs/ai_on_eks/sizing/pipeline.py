"""Bytes of a diffusion pipeline on one accelerator: several networks, one at work at a time.

    weights      = Σ networks  their tensors and tables                     all resident
    activations  = max over networks  images at once × (values alive × workspace + values kept) × bytes
    offload      = max over networks  (weights + activations)               one resident at a time, the rest on the host

    values alive   of an image's latent positions (`descriptors.image_generation`); of a tile's where the decoder tiles
    values kept    decoded frames of a video, until the last one, and masks of attention
    images at once batch × 2 with guidance while denoising, where both passes share a batch; batch, or 1 where the
                   decoder slices

The peak is nearly always the decoder's: its last maps have the image's full size. SDXL's and Kolors' pipelines turn an
fp16 decoder into float32 first, and T5's output layers stay in float32 where it is loaded in fp16.

Workspace is what the library that convolves (cuDNN) takes beside the maps, as a factor. From published measurements,
found 2026-11-24, of a decoder whose maps take 3 GiB in float32 and 1.5 GiB in half precision for 1024² pixels:
    float32  1.3   SDXL: 16.83 GiB in all, 12.92 of weights, so 3.9 (huggingface.co/datasets/sayakpaul/sample-datasets)
    half     3.1   Stable Diffusion 1.5: 20.0 % of 24 GiB, 0.16 of weights, so 4.6
                   (huggingface.co/docs/diffusers, hybrid inference); FLUX.1-dev: 36.17 GiB at the peak, 31.45 after
                   loading, so 4.7 (huggingface.co/blog/diffusers-quantization)
Others measured less in half precision (2.4 GiB for Stable Diffusion 3 on an H100, 2.5 for SDXL on an A100): which
kernels cuDNN picks depends on its version and the device. The factor is the largest that was found, because a pipeline
that does not fit fails and one that fits too well does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, prod

from msgspec import Struct
from msgspec.structs import replace

from ai_on_eks.catalog.types import EngineMemory
from ai_on_eks.descriptors.element_format import ElementFormat
from ai_on_eks.descriptors.image_generation import Component, ImageRequest, Offload, Phase
from ai_on_eks.descriptors.inventory import Inventory, Tensor
from ai_on_eks.descriptors.schema import Precision, WeightPrecision
from ai_on_eks.sizing.precision import compute_format
from ai_on_eks.sizing.types import HostMemory, Term
from ai_on_eks.sizing.weights import tensor_format
from ai_on_eks.units import ceil_div, format_gib

SOURCE = "tensor shapes and feature maps of each network; workspace of convolutions as measured (sizing/pipeline.py)"
OFFLOAD_SOURCE = "diffusers 0.42.1, enable_model_cpu_offload: one network on the accelerator at a time"

WORKSPACE: Mapping[int, float] = {32: 1.3, 16: 3.1}
"""By bits of an element: what convolutions take ÷ the maps themselves. Sources above."""

_FLOAT32 = ElementFormat(32)


class _Share(Struct, frozen=True):
    """What one network takes while it works."""

    component: Component
    weights_bytes: int
    activation_bytes: int
    formula: str


def pipeline_terms(inventory: Inventory, precision: Precision, engine: EngineMemory) -> tuple[Term, Term]:
    """Resident weights and the peak of the activations, as lines of the account."""
    request = _request(inventory)
    shares = _shares(inventory, precision, request, engine)
    if request.offload is Offload.MODEL:
        shares = (max(shares, key=lambda share: share.weights_bytes + share.activation_bytes),)
    peak = max(shares, key=lambda share: share.activation_bytes)
    weights = Term(
        name="weights" if request.offload is Offload.NONE else "weights of the network at work",
        value_bytes=sum(share.weights_bytes for share in shares),
        formula=" + ".join(f"{format_gib(share.weights_bytes)} {_name(share, inventory)}" for share in shares),
        source=SOURCE if request.offload is Offload.NONE else OFFLOAD_SOURCE,
    )
    activation = Term(f"activations ({peak.component.phase.value})", peak.activation_bytes, peak.formula, SOURCE)
    return weights, activation


def with_offloaded(host: HostMemory, inventory: Inventory, precision: Precision) -> HostMemory:
    """The host's memory with the networks that wait there for their turn; unchanged where all stay resident."""
    if inventory.image is None or inventory.image.offload is Offload.NONE:
        return host
    waiting = [_weights(component, inventory, precision) for component in inventory.components]
    term = Term(
        name="networks in host memory",
        value_bytes=sum(waiting),
        formula=" + ".join(format_gib(one) for one in waiting),
        source=OFFLOAD_SOURCE,
    )
    return replace(host, memory_bytes=host.memory_bytes + term.value_bytes, terms=(term, *host.terms))


def _request(inventory: Inventory) -> ImageRequest:
    if inventory.image is None:
        raise ValueError(f"{inventory.architecture} has networks but nothing is asked of them")
    return inventory.image


def _shares(
    inventory: Inventory, precision: Precision, request: ImageRequest, engine: EngineMemory
) -> tuple[_Share, ...]:
    shares = []
    for component in inventory.components:
        activation, formula = _activations(component, precision, request, engine)
        shares.append(_Share(component, _weights(component, inventory, precision), activation, formula))
    return tuple(shares)


def _name(share: _Share, inventory: Inventory) -> str:
    return share.component.name or inventory.architecture


def _weights(component: Component, inventory: Inventory, precision: Precision) -> int:
    """Bytes of one network's tensors, and of the tables it keeps beside them."""
    if component.name and not any(tensor.name.startswith(component.prefix) for tensor in inventory.tensors):
        return compute_format(precision).bytes_for(component.work.buffer_elements)
    tensors = [tensor for tensor in inventory.tensors if tensor.name.startswith(component.prefix)]
    stored = sum(
        tensor.count * _format(tensor, component, precision).bytes_for(prod(tensor.shape)) for tensor in tensors
    )
    return stored + compute_format(precision).bytes_for(component.work.buffer_elements)


def _format(tensor: Tensor, component: Component, precision: Precision) -> ElementFormat:
    is_half = precision.weights is WeightPrecision.FP16
    suffix = component.float32_suffix
    if is_half and (component.upcasts or (suffix and tensor.name.endswith(suffix))):
        return _FLOAT32
    return tensor_format(tensor, precision)


def _activations(
    component: Component, precision: Precision, request: ImageRequest, engine: EngineMemory
) -> tuple[int, str]:
    """Peak of one network's pass over a whole batch, and how it was computed."""
    images, positions = request.images_at_once(component.phase), request.positions
    if component.phase is Phase.DECODE and request.tiled and component.tile_pixels:
        tile = ceil_div(component.tile_pixels, request.scale) ** 2
        positions = min(positions, tile * request.latent_frames)
    values, kept = (
        component.work.elements_at(positions, request.latent_frames),
        component.work.kept_at(request.positions),
    )
    is_widened = component.upcasts and precision.weights is WeightPrecision.FP16
    element = _FLOAT32 if is_widened else compute_format(precision)
    factor = engine.activation_slack * (WORKSPACE[element.bits] if component.work.is_convolutional else 1.0)
    each = "images" if component.phase is not Phase.ENCODE else "prompts"
    formula = f"{factor:g} × {images} {each} × {values:,} values × {element.bits // 8} B in {component.name or 'it'}"
    if kept:
        formula += f" + {images} × {kept:,} values kept × {element.bits // 8} B"
    return ceil(images * (factor * values + kept) * element.bits / 8), formula
