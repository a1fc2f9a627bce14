"""The layers of BART, Whisper and their relatives: multi-head attention and two matrices, all with biases.

    attention        4 × (H × H + H)             Whisper's keys have no bias: H less
    feed-forward     2 × H × I + I + H
    norms            2H before or after each block
    encoder layer    attention + feed-forward + 4H
    decoder layer    2 × attention + feed-forward + 6H

Source: modeling_bart.py, modeling_whisper.py and their namesakes of transformers 5.23.0, read 2026-11-24.
"""

from __future__ import annotations

from msgspec import Struct

from ai_on_eks.descriptors.architectures.encoder_decoder_inventory import Halves, Stack
from ai_on_eks.descriptors.architectures.encoder_parts import layer_norm, linear
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.inventory import Tensor, TensorRole


class Half(Struct, frozen=True):
    """The dimensions of the encoder or the decoder."""

    layers: int
    hidden: int
    heads: int
    intermediate: int

    @property
    def stack(self) -> Stack:
        return Stack(self.layers, self.hidden, self.heads, max(1, self.hidden // self.heads), 2 * self.intermediate)


def read_halves(parameters: Hyperparameters) -> tuple[Half, Half]:
    """Encoder and decoder, with the hyper-parameters they have in every model type."""
    hidden = parameters.integer("d_model")
    halves = []
    for name in ("encoder", "decoder"):
        key = f"{name}_attention_heads"
        heads = parameters.integer(key)
        parameters.relate(("d_model", key), hidden % heads == 0, f"{heads} heads do not divide d_model {hidden}")
        layers = parameters.integer(f"{name}_layers")
        halves.append(Half(layers, hidden, heads, parameters.integer(f"{name}_ffn_dim")))
    return halves[0], halves[1]


def layers(encoder: Half, decoder: Half, *, key_bias: bool = True) -> Halves:
    """The tensors of all layers."""
    source = f"{_prefix('decoder')}.encoder_attn"
    return Halves(
        encoder=(
            *_attention("encoder", "self_attn", encoder, ("q", "k", "v", "out"), key_bias=key_bias),
            *_rest("encoder", encoder),
        ),
        decoder=(
            *_attention("decoder", "self_attn", decoder, ("q", "k", "v", "out"), key_bias=key_bias),
            *_attention("decoder", "encoder_attn", decoder, ("q", "out"), key_bias=key_bias),
            *layer_norm(f"{source}_layer_norm", decoder.hidden, decoder.layers),
            *_rest("decoder", decoder),
        ),
        source_projections=_attention("decoder", "encoder_attn", decoder, ("k", "v"), key_bias=key_bias),
    )


def _prefix(half: str) -> str:
    return f"model.{half}.layers.*"


def _attention(half: str, name: str, shape: Half, parts: tuple[str, ...], *, key_bias: bool) -> tuple[Tensor, ...]:
    hidden = shape.hidden
    return tuple(
        tensor
        for part in parts
        for tensor in linear(
            f"{_prefix(half)}.{name}.{part}_proj",
            hidden,
            hidden,
            TensorRole.ATTENTION,
            shape.layers,
            divided_input=part == "out",
        )
        if key_bias or not tensor.name.endswith("k_proj.bias")
    )


def _rest(half: str, shape: Half) -> tuple[Tensor, ...]:
    prefix, role = _prefix(half), TensorRole.FEED_FORWARD
    return (
        *layer_norm(f"{prefix}.self_attn_layer_norm", shape.hidden, shape.layers),
        *linear(f"{prefix}.fc1", shape.intermediate, shape.hidden, role, shape.layers),
        *linear(f"{prefix}.fc2", shape.hidden, shape.intermediate, role, shape.layers, divided_input=True),
        *layer_norm(f"{prefix}.final_layer_norm", shape.hidden, shape.layers),
    )
