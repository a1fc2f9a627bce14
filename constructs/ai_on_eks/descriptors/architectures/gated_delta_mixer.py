"""The gated delta net: linear attention whose state forgets, and is corrected by what it already holds.

With P key heads of X and Q value heads of Y (K = P × X, V = Q × Y), kernel k:

    in      (2K + V) × H for queries, keys, values;  V × H for the output's gate;  2Q × H for decay and strength
    window  (2K + V) × k      decay  2Q      norm  Y      out  H × V
    kept of a sequence        window (k − 1) × (2K + V), state Q × X × Y

    operations per token and element of the state  7 (decay 1, reading by the key 2, correcting 2, reading 2), and 2 × k
    per channel of the window (arXiv:2412.06464, equation 10, one step of the recurrence)

    live per token  2K + 2V + 2Q   what the input makes
                    2K + V         the window's output
                    Q × X + 2V + V what chunks are solved with: keys and values of the correction, new values, output
                    Q × X × Y ÷ 64 the state before each chunk

Tensor parallelism divides heads; the projections of decay and strength, a row per head, are left unquantized by the
published FP8 and NVFP4 checkpoints ("linear_attn.in_proj_a", "…_b" or all of "linear_attn").

Source: modeling_qwen3_next.py and modeling_qwen3_5.py of transformers 5.23.0; vLLM 0.33.0, mamba_utils.py
(gated_delta_net_state_shape) and gdn/qwen_gdn_linear_attn.py, third_party/flash_linear_attention/ops/chunk.py (chunks
of 64), read 2026-11-24.
"""

from __future__ import annotations

from msgspec import Struct

from ai_on_eks.descriptors.architectures.hybrid_blocks import NOTHING, Block, Layers
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.state_space_mixers import STATE, WINDOW, window
from ai_on_eks.descriptors.inventory import RecurrentState, Tensor, TensorRole
from ai_on_eks.units import ceil_div

CHUNK_TOKENS = 64
_STEP = 7
_ROLE = TensorRole.RECURRENT


class DeltaNet(Struct, frozen=True):
    """The dimensions of a gated delta net. `state_bits`: None = the data type of the computation."""

    hidden: int
    key_heads: int
    value_heads: int
    key_dimension: int
    value_dimension: int
    kernel: int
    state_bits: int | None = None

    @property
    def keys(self) -> int:
        return self.key_heads * self.key_dimension

    @property
    def values(self) -> int:
        return self.value_heads * self.value_dimension

    @property
    def channels(self) -> int:
        return 2 * self.keys + self.values


def read_delta_net(parameters: Hyperparameters, hidden: int, state_bits: int | None) -> DeltaNet:
    """The dimensions as Qwen's configs name them."""
    shape = DeltaNet(
        hidden=hidden,
        key_heads=parameters.integer("linear_num_key_heads"),
        value_heads=parameters.integer("linear_num_value_heads"),
        key_dimension=parameters.integer("linear_key_head_dim"),
        value_dimension=parameters.integer("linear_value_head_dim"),
        kernel=parameters.integer("linear_conv_kernel_dim"),
        state_bits=state_bits,
    )
    message = f"{shape.key_heads} key heads do not divide {shape.value_heads} value heads"
    keys = ("linear_num_key_heads", "linear_num_value_heads")
    parameters.relate(keys, shape.value_heads % shape.key_heads == 0, message)
    return shape


def delta_net(layers: Layers, shape: DeltaNet, *, name: str = "linear_attn", is_fused: bool = False) -> Block:
    """Gated delta nets; `is_fused`: a checkpoint keeps the inputs in two matrices, not in four."""
    if not len(layers):
        return NOTHING
    hidden, heads, values, channels = shape.hidden, shape.value_heads, shape.values, shape.channels
    wide = {"qkvz": channels + values} if is_fused else {"qkv": channels, "z": values}
    narrow = {"ba": 2 * heads} if is_fused else {"b": heads, "a": heads}

    def into(parts: dict[str, int], *, quantizable: bool) -> list[Tensor]:
        return [
            layers.matrix(f"{name}.in_proj_{part}", rows, hidden, _ROLE, quantizable=quantizable)
            for part, rows in parts.items()
        ]

    tensors = (
        *(layers.tensor(f"{name}.{vector}", (heads,), _ROLE) for vector in ("dt_bias", "A_log")),
        *window(layers, f"{name}.conv1d", channels, shape.kernel, bias=False),
        *into(wide, quantizable=True),
        *into(narrow, quantizable=False),
        layers.norm(f"{name}.norm", shape.value_dimension),
        layers.matrix(f"{name}.out_proj", hidden, values, _ROLE),
    )
    return Block(tensors, live=_live(shape), states=states(len(layers), shape), flops=len(layers) * flops(shape))


def states(layers: int, shape: DeltaNet) -> tuple[RecurrentState, ...]:
    """What a sequence keeps."""
    state = shape.value_heads * shape.key_dimension * shape.value_dimension
    return (
        RecurrentState(layers, (shape.kernel - 1) * shape.channels, shape.key_heads, name=WINDOW),
        RecurrentState(layers, state, shape.value_heads, shape.state_bits, name=STATE),
    )


def flops(shape: DeltaNet) -> int:
    """Operations of one layer and token that no matrix says."""
    state = shape.value_heads * shape.key_dimension * shape.value_dimension
    return _STEP * state + 2 * shape.kernel * shape.channels


def _live(shape: DeltaNet) -> int:
    corrected = shape.value_heads * shape.key_dimension
    before_chunks = ceil_div(corrected * shape.value_dimension, CHUNK_TOKENS)
    made = shape.channels + shape.values + 2 * shape.value_heads
    return made + shape.channels + corrected + 3 * shape.values + before_chunks
