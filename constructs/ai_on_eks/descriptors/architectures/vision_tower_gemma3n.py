"""Gemma 3n's encoders of images and of sound.

Images pass MobileNetV5-300M, whose shapes are fixed: 768 × 768 pixels become 256 tokens of 2048. Its convolutions are
listed below with the places each works on; in two of its stages blocks of attention let every place attend to those of
a grid half as fine, or as fine. Sound, with hidden size H, heads of D, kernel k and convolutions of c₁ and c₂ channels
over 128 mel bands:

    front      9 × c₁ + c₁  +  9 × c₁ × c₂ + c₂  +  H × 32·c₂        two strides of two: 40 ms
    per layer  2 × 8H²  +  5H² + D  +  3H² + H × k  +  9H            as Gemma 4's; four of its frames make a token

Both are followed by a table of V words of their own, its norm, the norm of what was encoded, and T × their width.

vLLM takes both from transformers and timm and keeps them whole on every rank.
Source: modeling_gemma3n.py of transformers 5.23.0; mobilenetv5.py of timm 1.0.31, shapes and places as its forward pass
has them on the meta device; gemma3n_mm.py of vLLM 0.33.0; read 2026-11-28.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.vision_tower import VisionTower, flops, matrix, whole
from ai_on_eks.descriptors.inventory import InputEncoder, Operations, Tensor

_IMAGE: Mapping[str, Any] = {"hidden_size": 2048, "vocab_size": 128}
_SOUND: Mapping[str, Any] = {
    "hidden_size": 1536,
    "vocab_size": 128,
    "conf_num_attention_heads": 8,
    "conf_num_hidden_layers": 12,
    "conf_conv_kernel_size": 5,
    "conf_reduction_factor": 4,
    "conf_attention_chunk_size": 12,
    "conf_attention_context_left": 13,
    "sscp_conv_channel_size": [128, 32],
}
"""What transformers documents for these encoders; a section of a config says only what differs."""

_NETWORK = "mobilenetv5_300m_enc"
_TOKENS = 256
_WIDTH = 2048
_CONVOLUTIONS: tuple[tuple[str, tuple[int, int, int, int], int, int], ...] = (
    ("conv_stem.conv", (64, 3, 3, 3), 147_456, 1),
    ("blocks.0.*.conv_exp", (256, 64, 3, 3), 36_864, 1),
    ("blocks.0.*.conv_pwl", (128, 256, 1, 1), 36_864, 1),
    ("blocks.0.*.conv_exp", (512, 128, 3, 3), 36_864, 2),
    ("blocks.0.*.conv_pwl", (128, 512, 1, 1), 36_864, 2),
    ("blocks.1.*.dw_start.conv", (128, 1, 3, 3), 36_864, 1),
    ("blocks.1.*.pw_exp.conv", (768, 128, 1, 1), 36_864, 1),
    ("blocks.1.*.dw_mid.conv", (768, 1, 5, 5), 9216, 1),
    ("blocks.1.*.pw_proj.conv", (256, 768, 1, 1), 9216, 1),
    ("blocks.1.*.dw_start.conv", (256, 1, 5, 5), 9216, 2),
    ("blocks.1.*.dw_start.conv", (256, 1, 3, 3), 9216, 2),
    ("blocks.1.*.pw_exp.conv", (1024, 256, 1, 1), 9216, 4),
    ("blocks.1.*.pw_proj.conv", (256, 1024, 1, 1), 9216, 4),
    ("blocks.2.*.dw_start.conv", (256, 1, 5, 5), 9216, 1),
    ("blocks.2.*.pw_exp.conv", (1536, 256, 1, 1), 9216, 1),
    ("blocks.2.*.dw_mid.conv", (1536, 1, 5, 5), 2304, 1),
    ("blocks.2.*.pw_proj.conv", (640, 1536, 1, 1), 2304, 1),
    ("blocks.2.*.dw_start.conv", (640, 1, 5, 5), 2304, 7),
    ("blocks.2.*.pw_exp.conv", (2560, 640, 1, 1), 2304, 7),
    ("blocks.2.*.pw_proj.conv", (640, 2560, 1, 1), 2304, 7),
    ("blocks.2.*.pw_exp.conv", (640, 640, 1, 1), 2304, 1),
    ("blocks.2.*.pw_proj.conv", (640, 640, 1, 1), 2304, 1),
    ("blocks.2.*.attn.query.proj", (768, 640, 1, 1), 2304, 14),
    ("blocks.2.*.attn.key.down_conv", (640, 1, 3, 3), 576, 14),
    ("blocks.2.*.attn.key.proj", (64, 640, 1, 1), 576, 14),
    ("blocks.2.*.attn.value.down_conv", (640, 1, 3, 3), 576, 14),
    ("blocks.2.*.attn.value.proj", (64, 640, 1, 1), 576, 14),
    ("blocks.2.*.attn.output.proj", (640, 768, 1, 1), 2304, 14),
    ("blocks.2.*.pw_exp.conv", (1280, 640, 1, 1), 2304, 14),
    ("blocks.2.*.pw_proj.conv", (640, 1280, 1, 1), 2304, 14),
    ("blocks.3.*.dw_start.conv", (640, 1, 5, 5), 2304, 1),
    ("blocks.3.*.pw_exp.conv", (3840, 640, 1, 1), 2304, 1),
    ("blocks.3.*.dw_mid.conv", (3840, 1, 5, 5), 576, 1),
    ("blocks.3.*.pw_proj.conv", (1280, 3840, 1, 1), 576, 1),
    ("blocks.3.*.attn.query.proj", (1536, 1280, 1, 1), 576, 19),
    ("blocks.3.*.attn.key.proj", (96, 1280, 1, 1), 576, 19),
    ("blocks.3.*.attn.value.proj", (96, 1280, 1, 1), 576, 19),
    ("blocks.3.*.attn.output.proj", (1280, 1536, 1, 1), 576, 19),
    ("blocks.3.*.pw_exp.conv", (2560, 1280, 1, 1), 576, 19),
    ("blocks.3.*.pw_proj.conv", (1280, 2560, 1, 1), 576, 19),
    ("msfa.ffn.pw_exp.conv", (3840, 1920, 1, 1), 2304, 1),
    ("msfa.ffn.pw_proj.conv", (2048, 3840, 1, 1), 2304, 1),
)
"""Name, shape, places of an image that it works on, and how many of them."""
_VECTORS: tuple[tuple[str, int, int], ...] = (
    ("conv_stem", 64, 2), ("blocks.0", 256, 1), ("blocks.0", 128, 3), ("blocks.0", 512, 2), ("blocks.1", 128, 1),
    ("blocks.1", 768, 2), ("blocks.1", 256, 14), ("blocks.1", 1024, 4), ("blocks.2", 256, 1), ("blocks.2", 1536, 2),
    ("blocks.2", 640, 110), ("blocks.2", 2560, 7), ("blocks.2", 1280, 14), ("blocks.3", 640, 1), ("blocks.3", 3840, 2),
    ("blocks.3", 1280, 78), ("blocks.3", 2560, 19), ("msfa", 3840, 1), ("msfa", 2048, 2),
)  # fmt: skip
"""Norms, scales and the one bias by stage: width, and how many of them."""
_ATTENTION = ((14, 2304, 576, 768), (19, 576, 576, 1536))
"""Blocks, places that ask, places that answer, and width of all heads."""
_WIDEST = 36_864 * (128 + 768)
"""Elements of the largest input and output of a convolution, of a whole image."""

_FRAMES = 4
"""Of 10 ms that the front makes one of, by two strides of two."""
_BANDS = 128
_KERNEL = 3


def gemma3n_tower(parameters: Hyperparameters, width: int) -> VisionTower:
    """The image encoder, `width` being the decoder's."""
    section = parameters.section("vision_config", _IMAGE)
    if section.has("architecture"):
        section.choice("architecture", (_NETWORK,))
    made, words = section.integer("hidden_size"), section.integer("vocab_size")
    section.relate(("hidden_size",), made == _WIDTH, f"the network hands on {_WIDTH}, not {made}")
    name = "model.vision_tower.timm_model"
    convolutions = tuple(whole(f"{name}.{part}.weight", *shape, count=count) for part, shape, _, count in _CONVOLUTIONS)
    vectors = tuple(whole(f"{name}.{stage}.vectors[{size}]", size, count=n) for stage, size, n in _VECTORS)
    projected, around = _embedder("vision", words, made, width)
    seen = sum(4 * blocks * asking * answering * wide for blocks, asking, answering, wide in _ATTENTION)
    passed = sum(2 * count * places * prod(shape) for _, shape, places, count in _CONVOLUTIONS)
    return VisionTower(
        tensors=(*convolutions, *vectors, *around, projected),
        encoder=InputEncoder(
            operations=Operations(per_item=(seen + passed) // _TOKENS + flops((projected,))),
            per_item=_WIDEST // _TOKENS,
            handed=width,
            tokens=_TOKENS,
        ),
    )


def gemma3n_audio(parameters: Hyperparameters, width: int) -> VisionTower:
    """The encoder of sound."""
    section = parameters.section("audio_config", _SOUND)
    hidden, layers = section.integer("hidden_size"), section.integer("conf_num_hidden_layers")
    heads, kernel = section.integer("conf_num_attention_heads"), section.integer("conf_conv_kernel_size")
    section.relate(("hidden_size", "conf_num_attention_heads"), hidden % heads == 0, f"{heads} heads, {hidden} wide")
    channels = section.integers("sscp_conv_channel_size")
    section.relate(("sscp_conv_channel_size",), len(channels) == 2, f"{len(channels)} convolutions, not two")
    for key, usual in (("sscp_conv_kernel_size", [[3, 3]] * 2), ("sscp_conv_stride_size", [[2, 2]] * 2)):
        given = section.value(key)
        section.support(key, given in (None, usual), f"other than {usual} is not known")
    given = section.value("input_feat_size")
    section.support("input_feat_size", given in (None, _BANDS), f"other than {_BANDS} mel bands is not known")
    first, second = channels if len(channels) == 2 else (1, 1)
    seen = section.integer("conf_attention_chunk_size") + section.integer("conf_attention_context_left")
    merged, words = section.integer("conf_reduction_factor"), section.integer("vocab_size")

    front, block = "model.audio_tower.subsample_conv_projection", "model.audio_tower.conformer.*"
    convolutions = (
        whole(f"{front}.conv_0.conv.weight", first, 1, _KERNEL, _KERNEL),
        whole(f"{front}.conv_1.conv.weight", second, first, _KERNEL, _KERNEL),
    )
    matrices = (
        matrix(f"{front}.input_proj_linear", hidden, _BANDS // 4 * second, divided=False),
        *(matrix(f"{block}.{part}", a * hidden, b * hidden, layers, divided=False) for part, (a, b) in _SHAPES.items()),
    )
    depthwise = whole(f"{block}.lconv1d.depthwise_conv1d.weight", hidden, 1, kernel, count=layers)
    projected, around = _embedder("audio", words, hidden, width)
    places = (_FRAMES // 2 * _BANDS // 2, _BANDS // 4)  # of each convolution, for one frame of 40 ms
    frame = flops((*matrices, depthwise)) + 4 * layers * hidden * seen
    frame += sum(count * flops((one,)) for count, one in zip(places, convolutions, strict=True))
    return VisionTower(
        tensors=(
            *convolutions,
            whole(f"{front}.conv_0.norm.weight", first),
            whole(f"{front}.conv_1.norm.weight", second),
            *matrices,
            depthwise,
            whole(f"{block}.attention.attn.per_dim_scale", hidden // max(1, heads), count=layers),
            *(whole(f"{block}.{name}.weight", hidden, count=layers) for name in _NORMS),
            *around,
            projected,
        ),
        encoder=InputEncoder(
            operations=Operations(per_item=merged * frame + flops((projected,))),
            per_item=merged * (hidden + max(8 * hidden, places[0] * first + places[1] * second)),
            handed=width,
            name="sound",
        ),
    )


def _embedder(kind: str, words: int, width: int, to: int) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The way to the decoder, and what stands around it."""
    name = f"model.embed_{kind}"
    around = (
        whole(f"{name}.embedding.weight", words, width),
        whole(f"{name}.hard_embedding_norm.weight", width),
        whole(f"{name}.soft_embedding_norm.weight", width),
    )
    return matrix(f"{name}.embedding_projection", to, width, divided=False), around


_SHAPES: Mapping[str, tuple[int, int]] = {
    "ffw_layer_start.ffw_layer_1": (4, 1),
    "ffw_layer_start.ffw_layer_2": (1, 4),
    "attention.attn.relative_position_embedding.pos_proj": (1, 1),
    "attention.attn.q_proj": (1, 1),
    "attention.attn.k_proj": (1, 1),
    "attention.attn.v_proj": (1, 1),
    "attention.post": (1, 1),
    "lconv1d.linear_start": (2, 1),
    "lconv1d.linear_end": (1, 1),
    "ffw_layer_end.ffw_layer_1": (4, 1),
    "ffw_layer_end.ffw_layer_2": (1, 4),
}
"""Matrices of a layer, in multiples of the hidden size."""
_NORMS = (
    "ffw_layer_start.pre_layer_norm",
    "ffw_layer_start.post_layer_norm",
    "attention.pre_attn_norm",
    "attention.post_norm",
    "lconv1d.pre_layer_norm",
    "lconv1d.conv_norm",
    "ffw_layer_end.pre_layer_norm",
    "ffw_layer_end.post_layer_norm",
    "norm",
)
