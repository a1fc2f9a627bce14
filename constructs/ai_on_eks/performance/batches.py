"""A replica that answers batches: encoders, classifiers, CNNs, and pipelines that make images.

batch   = operations ÷ (TP × peak × share), at least weights ÷ bandwidth, + launches
items/s = batch ÷ time of a batch

image   = Σ networks  passes × images at once × operations of a pass ÷ (TP × peak × share), at least its weights
          each pass:  denoising steps × 2 with guidance, encoding × 2 with guidance, decoding once
"""

from __future__ import annotations

from ai_on_eks.descriptors.image_generation import ImageRequest
from ai_on_eks.descriptors.inventory import Inventory, Item
from ai_on_eks.performance.calibration import CONVOLUTION, DIFFUSION, ENCODER, Constants
from ai_on_eks.performance.divided import Divided
from ai_on_eks.performance.exchange import exchange_launches_s, exchange_s
from ai_on_eks.performance.peaks import peak_flops
from ai_on_eks.performance.types import Figures
from ai_on_eks.sizing.types import Load


def answer(of: Divided, constants: Constants, load: Load) -> Figures:
    """Figures of one replica that answers `load.batch` items at once."""
    inventory = of.inventory
    if inventory.image is not None:
        return _images(of, constants, inventory.image)
    kind = kind_of(inventory)
    share = constants.encoder_compute if kind == ENCODER else constants.convolution_compute
    is_image = inventory.item is Item.IMAGE
    tokens = load.batch * (1 if is_image else load.context_tokens)
    seconds = tokens * _item_s(of, 0 if is_image else load.context_tokens) / share
    seconds = max(seconds, _read_s(of, constants))
    seconds += inventory.layers * constants.layer_s + constants.step_s
    seconds += exchange_s(of, constants, tokens) + exchange_launches_s(of, constants)
    return Figures(kind=kind, ttft_s=seconds, tpot_s=None, output_tokens_per_s=None, items_per_s=load.batch / seconds)


def kind_of(inventory: Inventory) -> str:
    """What a model that keeps no cache is calibrated as. A vision transformer works on images with the matrix products
    of an encoder."""
    if inventory.image is not None:
        return DIFFUSION
    return ENCODER if inventory.attention_heads else CONVOLUTION


def _images(of: Divided, constants: Constants, request: ImageRequest) -> Figures:
    seconds = 0.0
    for component in of.inventory.components:
        at_once = request.images_at_once(component.phase)
        rounds = request.passes(component.phase) * request.batch / at_once
        computed = component.work.flops_at(request.positions, request.latent_frames) * at_once / _flops(of)
        seconds += rounds * (computed / constants.diffusion_compute + constants.step_s)
    seconds = max(seconds, request.steps * _read_s(of, constants))
    return Figures(
        kind=DIFFUSION, ttft_s=seconds, tpot_s=None, output_tokens_per_s=None, items_per_s=request.batch / seconds
    )


def _item_s(of: Divided, context_tokens: int) -> float:
    """One token or image at the peak."""
    operations = of.inventory.operations
    return (operations.per_item + operations.attending(context_tokens)) / _flops(of)


def _flops(of: Divided) -> float:
    """Peak of all ranks in the data type that most products run in."""
    most = max(of.profile.products, key=lambda group: group.flops_per_token, default=None)
    if most is None or most.data_type == of.profile.compute_type:
        return of.half_flops
    peak, _runs_in = peak_flops(of.machine.dense_flops, most.data_type, of.profile.compute_type)
    return peak * of.division.tensor_parallel


def _read_s(of: Divided, constants: Constants) -> float:
    """All weights once."""
    if of.bandwidth <= 0:
        return 0.0
    return of.profile.weights_bytes / of.division.tensor_parallel / (of.bandwidth * constants.bandwidth)
