"""Relatives of ViT: DINOv2 (with registers or without), DINOv3, DeiT, BEiT and ViT-MAE.

As in `vision`, with n tokens, hidden size H, intermediate size I, L layers, A heads and w = image side / patch side:

    DINOv2  I = H × mlp_ratio; gated (giant): 3 × H × I' + 2I' + H with I' two thirds of it, up to a multiple of 8;
            2H a layer to scale both branches; a mask token H; r registers r × H; a classifier of class token and mean
            of the patches, labels × 2H
    DINOv3  the same without a table of positions; I given; gated: 3 × H × I; each bias by itself
    DeiT    a distillation token beside the class token; a second classifier …WithTeacher
    BEiT    keys without bias; 2H a layer to scale both branches; a bias for each pair of places and head,
            ((2w − 1)² + 3) × A, per layer or shared; the last norm belongs to the pooler where the mean is taken

    ViT-MAE ViT without a pooler; …ForPreTraining with a decoder of its own dimensions, counted at every token

    operations per image  as of ViT:  patches × 2 × H × C × P²  +  n × layers' matrices  +  4 × L × n² × H  +  the head
    live per image        n × (H + max(2I, 4H)), 3I' where gated

Names are those of the published checkpoints. Source: modeling_dinov2.py, modeling_dinov2_with_registers.py,
modeling_dinov3_vit.py, modeling_deit.py, modeling_beit.py and modeling_vit_mae.py of transformers 5.23.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from ai_on_eks.descriptors.architectures.encoder_parts import layer_norm, linear, whole
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.operations import matrix_flops
from ai_on_eks.descriptors.architectures.vision import layers_of
from ai_on_eks.descriptors.inventory import (
    Activations,
    Inventory,
    Item,
    Operations,
    Sharding,
    Tensor,
    TensorRole,
)

FAMILY = "transformer"
MODEL_TYPES = ("beit", "deit", "dinov2", "dinov2_with_registers", "dinov3_vit", "vit_mae")

_COMMON: Mapping[str, Any] = {"num_labels": 2, "num_channels": 3}
_DINO: Mapping[str, Any] = {**_COMMON, "mlp_ratio": 4, "qkv_bias": True, "use_swiglu_ffn": False}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "beit": {
        **_COMMON,
        "use_mask_token": False,
        "use_absolute_position_embeddings": False,
        "use_relative_position_bias": False,
        "use_shared_relative_position_bias": False,
        "use_mean_pooling": True,
    },
    "deit": {**_COMMON, "qkv_bias": True},
    "dinov2": {**_DINO, "use_mask_token": True},
    "dinov2_with_registers": {**_DINO, "num_register_tokens": 4},
    "dinov3_vit": {
        **_COMMON,
        "num_register_tokens": 0,
        "query_bias": True,
        "key_bias": False,
        "value_bias": True,
        "proj_bias": True,
        "mlp_bias": True,
        "use_gated_mlp": False,
        "patch_size": 16,
    },
    "vit_mae": {
        **_COMMON,
        "qkv_bias": True,
        "decoder_hidden_size": 512,
        "decoder_num_attention_heads": 16,
        "decoder_num_hidden_layers": 8,
        "decoder_intermediate_size": 2048,
    },
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""

_WHOLE = Sharding.REPLICATED


class _Shape(Struct, frozen=True):
    """The dimensions of all of them."""

    hidden: int
    layers: int
    heads: int
    side: int
    patch: int
    channels: int

    @property
    def patches(self) -> int:
        return (self.side // self.patch) ** 2


class _Model(Struct, frozen=True):
    """One of them: its tensors and tokens, what its blocks keep beside the residual, and the head's operations."""

    before: tuple[Tensor, ...]
    body: tuple[Tensor, ...]
    after: tuple[Tensor, ...]
    tokens: int
    block_live: int


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a relative of ViT, or an InputError with every missing hyper-parameter."""
    shape = _shape(parameters)
    readers = {"beit": _beit, "deit": _deit, "dinov3_vit": _dino3, "vit_mae": _masked}
    model = readers.get(model_type, _dino)(model_type, shape, parameters)
    parameters.finish()
    prefix, hidden = model_type, shape.hidden
    projection = Tensor(
        f"{prefix}.embeddings.patch_embeddings.projection.weight",
        (hidden, shape.channels, shape.patch, shape.patch),
        TensorRole.CONVOLUTION,
        _WHOLE,
    )
    bias = Tensor(f"{prefix}.embeddings.patch_embeddings.projection.bias", (hidden,), TensorRole.CONVOLUTION, _WHOLE)
    head = sum(2 * tensor.parameters for tensor in model.after if len(tensor.shape) == 2)
    return Inventory(
        architecture=model_type,
        item=Item.IMAGE,
        tensors=(*model.before, projection, bias, *model.body, *model.after),
        states=(),
        operations=Operations(
            per_item=2 * shape.patches * projection.parameters
            + model.tokens * matrix_flops(model.body)
            + 4 * shape.layers * model.tokens**2 * hidden
            + head
        ),
        activations=Activations(per_item=model.tokens * (hidden + max(model.block_live, 4 * hidden))),
        layers=shape.layers,
        hidden_size=hidden,
        attention_heads=shape.heads,
        key_value_heads=shape.heads,
    )


def _shape(parameters: Hyperparameters) -> _Shape:
    hidden, heads = parameters.integer("hidden_size"), parameters.integer("num_attention_heads")
    message = f"{heads} heads do not divide hidden_size {hidden}"
    parameters.relate(("hidden_size", "num_attention_heads"), hidden % heads == 0, message)
    side, patch = parameters.integer("image_size"), parameters.integer("patch_size")
    parameters.relate(("image_size",), side <= 16_384, f"{side} pixels; at most 16384")
    message = f"a patch of {patch} pixels is larger than the image of {side}"
    parameters.relate(("image_size", "patch_size"), patch <= side, message)
    layers, channels = parameters.integer("num_hidden_layers"), parameters.integer("num_channels")
    return _Shape(hidden, layers, heads, side, patch, channels)


def _embedding(name: str, *shape: int) -> Tensor:
    return Tensor(name, shape, TensorRole.EMBEDDING, _WHOLE)


def _scale(name: str, hidden: int, layers: int) -> Tensor:
    return Tensor(name, (hidden,), TensorRole.NORM, _WHOLE, layers)


def _deit(_: str, shape: _Shape, parameters: Hyperparameters) -> _Model:
    hidden, tokens = shape.hidden, shape.patches + 2
    inner, biased = parameters.integer("intermediate_size"), parameters.flag("qkv_bias")
    kinds = ("ForImageClassificationWithTeacher", "ForImageClassification", "Model")
    kind = parameters.ending("architectures", kinds) or "Model"
    head: tuple[Tensor, ...]
    if kind == "Model":
        width = parameters.integer_or("pooler_output_size", hidden)
        head = whole("deit.pooler.dense", width, hidden, TensorRole.POOLER)
    else:
        names = ("cls_classifier", "distillation_classifier") if kind.endswith("Teacher") else ("classifier",)
        labels = parameters.labels()
        head = tuple(tensor for name in names for tensor in whole(name, labels, hidden, TensorRole.HEAD))
    return _Model(
        before=(
            _embedding("deit.embeddings.cls_token", 1, 1, hidden),
            _embedding("deit.embeddings.distillation_token", 1, 1, hidden),
            _embedding("deit.embeddings.position_embeddings", 1, tokens, hidden),
        ),
        body=layers_of("deit", hidden, inner, shape.layers, biased=biased),
        after=(*layer_norm("deit.layernorm", hidden), *head),
        tokens=tokens,
        block_live=2 * inner,
    )


def _beit(_: str, shape: _Shape, parameters: Hyperparameters) -> _Model:
    hidden, layers, tokens = shape.hidden, shape.layers, shape.patches + 1
    inner = parameters.integer("intermediate_size")
    has_positions = parameters.flag("use_absolute_position_embeddings")
    has_mask, takes_mean = parameters.flag("use_mask_token"), parameters.flag("use_mean_pooling")
    kind = parameters.ending("architectures", ("ForImageClassification", "Model")) or "Model"
    head = whole("classifier", parameters.labels(), hidden, TensorRole.HEAD) if kind != "Model" else ()
    pairs = ((2 * (shape.side // shape.patch) - 1) ** 2 + 3, shape.heads)
    block, table = "beit.encoder.layer.*", "relative_position_bias.relative_position_bias_table"
    relative: tuple[Tensor, ...] = ()
    if parameters.flag("use_relative_position_bias"):
        relative = (Tensor(f"{block}.attention.attention.{table}", pairs, TensorRole.EMBEDDING, _WHOLE, layers),)
    if parameters.flag("use_shared_relative_position_bias"):
        relative += (_embedding(f"beit.encoder.{table}", *pairs),)
    body = tuple(
        tensor
        for tensor in layers_of("beit", hidden, inner, layers, biased=True)
        if tensor.name != f"{block}.attention.attention.key.bias"
    )
    return _Model(
        before=(
            _embedding("beit.embeddings.cls_token", 1, 1, hidden),
            *((_embedding("beit.embeddings.mask_token", 1, 1, hidden),) if has_mask else ()),
            *((_embedding("beit.embeddings.position_embeddings", 1, tokens, hidden),) if has_positions else ()),
            *relative,
            _scale(f"{block}.lambda_1", hidden, layers),
            _scale(f"{block}.lambda_2", hidden, layers),
        ),
        body=body,
        after=(*layer_norm("beit.pooler.layernorm" if takes_mean else "beit.layernorm", hidden), *head),
        tokens=tokens,
        block_live=2 * inner,
    )


def _dino(model_type: str, shape: _Shape, parameters: Hyperparameters) -> _Model:
    hidden, layers = shape.hidden, shape.layers
    inner, is_gated = hidden * parameters.integer("mlp_ratio"), parameters.flag("use_swiglu_ffn")
    biased = parameters.flag("qkv_bias")
    registers = parameters.integer("num_register_tokens", least=0) if model_type != "dinov2" else 0
    has_mask = model_type != "dinov2" or parameters.flag("use_mask_token")
    kind = parameters.ending("architectures", ("ForImageClassification", "Model")) or "Model"
    head = whole("classifier", parameters.labels(), 2 * hidden, TensorRole.HEAD) if kind != "Model" else ()
    if is_gated:
        inner = (inner * 2 // 3 + 7) // 8 * 8
    name, block = f"{model_type}.embeddings", f"{model_type}.encoder.layer.*"
    return _Model(
        before=(
            _embedding(f"{name}.cls_token", 1, 1, hidden),
            *((_embedding(f"{name}.mask_token", 1, hidden),) if has_mask else ()),
            *((_embedding(f"{name}.register_tokens", 1, registers, hidden),) if registers else ()),
            _embedding(f"{name}.position_embeddings", 1, shape.patches + 1, hidden),
            _scale(f"{block}.layer_scale1.lambda1", hidden, layers),
            _scale(f"{block}.layer_scale2.lambda1", hidden, layers),
        ),
        body=_dino_layers(block, shape, inner, biased=biased, is_gated=is_gated),
        after=(*layer_norm(f"{model_type}.layernorm", hidden), *head),
        tokens=shape.patches + 1 + registers,
        block_live=(3 if is_gated else 2) * inner,
    )


def _dino3(model_type: str, shape: _Shape, parameters: Hyperparameters) -> _Model:
    """Rotary positions, so no table; each bias of the attention by itself."""
    parameters.ending("architectures", ("Model",))
    hidden, layers, block = shape.hidden, shape.layers, "model.layer.*"
    inner, registers = parameters.integer("intermediate_size"), parameters.integer("num_register_tokens", least=0)
    up = ("gate_proj", "up_proj") if parameters.flag("use_gated_mlp") else ("up_proj",)
    attention, feed_forward = TensorRole.ATTENTION, TensorRole.FEED_FORWARD

    def matrix(name: str, rows: int, columns: int, role: TensorRole, bias: str) -> tuple[Tensor, ...]:
        is_last = name.endswith(("o_proj", "down_proj"))
        both = linear(f"{block}.{name}", rows, columns, role, layers, divided_input=is_last)
        return both if parameters.flag(bias) else both[:1]

    sides = {"query": "q_proj", "key": "k_proj", "value": "v_proj", "proj": "o_proj"}
    return _Model(
        before=(
            _embedding("embeddings.cls_token", 1, 1, hidden),
            _embedding("embeddings.mask_token", 1, 1, hidden),
            *((_embedding("embeddings.register_tokens", 1, registers, hidden),) if registers else ()),
            _scale(f"{block}.layer_scale1.lambda1", hidden, layers),
            _scale(f"{block}.layer_scale2.lambda1", hidden, layers),
        ),
        body=(
            *layer_norm(f"{block}.norm1", hidden, layers),
            *(
                tensor
                for key, name in sides.items()
                for tensor in matrix(f"attention.{name}", hidden, hidden, attention, f"{key}_bias")
            ),
            *layer_norm(f"{block}.norm2", hidden, layers),
            *(one for name in up for one in matrix(f"mlp.{name}", inner, hidden, feed_forward, "mlp_bias")),
            *matrix("mlp.down_proj", hidden, inner, feed_forward, "mlp_bias"),
        ),
        after=layer_norm("norm", hidden),
        tokens=shape.patches + 1 + registers,
        block_live=(1 + len(up)) * inner,
    )


def _masked(model_type: str, shape: _Shape, parameters: Hyperparameters) -> _Model:
    """ViT that has learned to fill in patches; the small decoder that did so is the pre-trained class's alone."""
    hidden, tokens, prefix = shape.hidden, shape.patches + 1, "vit"
    inner, biased = parameters.integer("intermediate_size"), parameters.flag("qkv_bias")
    decoder: tuple[Tensor, ...] = ()
    if parameters.ending("architectures", ("ForPreTraining", "Model")) == "ForPreTraining":
        width, depth = parameters.integer("decoder_hidden_size"), parameters.integer("decoder_num_hidden_layers")
        heads, pixels = parameters.integer("decoder_num_attention_heads"), shape.patch**2 * shape.channels
        keys = ("decoder_hidden_size", "decoder_num_attention_heads")
        parameters.relate(keys, width % heads == 0, f"{heads} heads do not divide {width}")
        decoder = (
            _embedding("decoder.mask_token", 1, 1, width),
            _embedding("decoder.decoder_pos_embed", 1, tokens, width),
            *whole("decoder.decoder_embed", width, hidden, TensorRole.HEAD),
            *layers_of("decoder", width, parameters.integer("decoder_intermediate_size"), depth, biased=biased),
            *layer_norm("decoder.decoder_norm", width),
            *whole("decoder.decoder_pred", pixels, width, TensorRole.HEAD),
        )
    return _Model(
        before=(
            _embedding(f"{prefix}.embeddings.cls_token", 1, 1, hidden),
            _embedding(f"{prefix}.embeddings.position_embeddings", 1, tokens, hidden),
        ),
        body=(*layers_of(prefix, hidden, inner, shape.layers, biased=biased), *decoder),
        after=layer_norm(f"{prefix}.layernorm", hidden),
        tokens=tokens,
        block_live=2 * inner,
    )


def _dino_layers(block: str, shape: _Shape, inner: int, *, biased: bool, is_gated: bool) -> tuple[Tensor, ...]:
    hidden, layers, attention, feed_forward = shape.hidden, shape.layers, TensorRole.ATTENTION, TensorRole.FEED_FORWARD
    inputs = tuple(
        tensor
        for name in ("query", "key", "value")
        for tensor in linear(f"{block}.attention.attention.{name}", hidden, hidden, attention, layers)
        if biased or len(tensor.shape) == 2
    )
    up, down = ("weights_in", "weights_out") if is_gated else ("fc1", "fc2")
    return (
        *layer_norm(f"{block}.norm1", hidden, layers),
        *inputs,
        *linear(f"{block}.attention.output.dense", hidden, hidden, attention, layers, divided_input=True),
        *layer_norm(f"{block}.norm2", hidden, layers),
        *linear(f"{block}.mlp.{up}", 2 * inner if is_gated else inner, hidden, feed_forward, layers),
        *linear(f"{block}.mlp.{down}", hidden, inner, feed_forward, layers, divided_input=True),
    )
