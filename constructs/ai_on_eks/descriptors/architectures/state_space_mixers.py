"""State-space mixers: what stands where attention does in a transformer.

Mamba, with inner size I, state N, kernel K, rank R of the time step:

    in  2I × H    window  I × K    x  (R + 2N) × I    time step  I × R + I    A  I × N    D  I    out  H × I
    window of a sequence  (K − 1) × I       state  I × N

Mamba-2, with heads A of width D (I = A × D) in G groups:

    in  (2I + 2GN + A) × H    window  (I + 2GN) × K    time step, A, D  A each    norm  I    out  H × I
    window of a sequence  (K − 1) × (I + 2GN)       state  A × D × N

    operations per token and element of the state: Mamba 8 (decay 2, of which is exp(time step × A), input 2, decaying
    and adding it 2, output 2), Mamba-2 5 (its decay is one number per head); and 2 × K per channel of the window.
    A is a matrix among the tensors, so 2 of the 8 are counted with the matrices. (arXiv:2312.00752, arXiv:2405.21060)

    live per token  Mamba    5I + R + 2N       input's halves, the window's output, time steps, output
                    Mamba-2  4I + 4GN + A + 2(I × N ÷ chunk + G × chunk)
                             input, the window's output, output; of each chunk its state and the scores of its tokens
                             among each other, in float32

Tensor parallelism divides channels and heads. The rows of B and C belong to the groups: a rank has the groups its heads
use, so beyond as many ranks as groups each has a copy of one. Where there is a single group its rows count as whole on
every rank; where there are several they count as divided, which is right for as many ranks as there are groups.

Source: modeling_<model type>.py of transformers 5.23.0; vLLM 0.33.0, model_executor/layers/mamba/mamba_utils.py
(MambaStateShapeCalculator, extra_groups_for_head_shards), mamba_mixer.py and mamba_mixer2.py, read 2026-11-24.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from ai_on_eks.descriptors.architectures.hybrid_blocks import Block, Layers
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.inventory import RecurrentState, Sharding, Tensor, TensorRole
from ai_on_eks.units import ceil_div

WINDOW = "convolution window"
STATE = "state"
_ROLE = TensorRole.RECURRENT
_FLOAT32_WIDTHS = 2
"""A float32 value among 16-bit ones counts twice."""
_BITS: Mapping[str, int | None] = {"float32": 32, "float16": 16, "bfloat16": 16, "auto": None}


class Mamba(Struct, frozen=True):
    """The dimensions of a Mamba mixer. `inner_norms`: time step, B and C are normalized (Jamba)."""

    hidden: int
    inner: int
    state: int
    kernel: int
    rank: int
    bias: bool
    window_bias: bool
    inner_norms: bool = False


class Mamba2(Struct, frozen=True):
    """The dimensions of a Mamba-2 mixer. `state_bits`: None = the data type of the computation."""

    hidden: int
    heads: int
    head_dimension: int
    groups: int
    state: int
    kernel: int
    chunk: int
    in_bias: bool
    out_bias: bool
    window_bias: bool
    has_norm: bool = True
    state_bits: int | None = None

    @property
    def inner(self) -> int:
        return self.heads * self.head_dimension


def mamba(layers: Layers, shape: Mamba, name: str = "mixer") -> Block:
    """Mamba mixers."""
    inner, state, kernel, rank, hidden = shape.inner, shape.state, shape.kernel, shape.rank, shape.hidden
    inner_norms = {"dt_layernorm": rank, "b_layernorm": state, "c_layernorm": state} if shape.inner_norms else {}
    tensors = (
        layers.tensor(f"{name}.A_log", (inner, state), _ROLE),
        layers.tensor(f"{name}.D", (inner,), _ROLE),
        *window(layers, f"{name}.conv1d", inner, kernel, bias=shape.window_bias),
        *layers.linear(f"{name}.in_proj", 2 * inner, hidden, _ROLE, bias=shape.bias),
        layers.matrix(f"{name}.x_proj", rank + 2 * state, inner, _ROLE),
        *layers.linear(f"{name}.dt_proj", inner, rank, _ROLE, bias=True),
        *layers.linear(f"{name}.out_proj", hidden, inner, _ROLE, bias=shape.bias, divided_input=True),
        *(layers.norm(f"{name}.{norm}", width) for norm, width in inner_norms.items()),
    )
    return Block(
        tensors,
        live=5 * inner + rank + 2 * state,
        states=(
            RecurrentState(len(layers), (kernel - 1) * inner, inner, name=WINDOW),
            RecurrentState(len(layers), inner * state, inner, name=STATE),
        ),
        flops=len(layers) * inner * (6 * state + 2 * kernel),
    )


def mamba2(layers: Layers, shape: Mamba2, name: str = "mixer") -> Block:
    """Mamba-2 mixers. What belongs to the groups is listed apart: it divides differently."""
    inner, state, kernel, hidden, heads = shape.inner, shape.state, shape.kernel, shape.hidden, shape.heads
    grouped = 2 * shape.groups * state
    projected = {"gate, x, time step": 2 * inner + heads, "B, C": grouped}
    windowed = {"x": inner, "B, C": grouped}
    sharding = {"B, C": Sharding.SPLIT if shape.groups > 1 else Sharding.REPLICATED}

    def rows(tensor: str, parts: dict[str, int], columns: tuple[int, ...], role: TensorRole) -> Iterator[Tensor]:
        for part, size in parts.items():
            divides = sharding.get(part, Sharding.SPLIT)
            quantizable = role is _ROLE and bool(columns)
            yield layers.tensor(f"{tensor}[{part}]", (size, *columns), role, divides, quantizable=quantizable)

    convolution, projection = f"{name}.conv1d", f"{name}.in_proj"
    tensors = (
        *(layers.tensor(f"{name}.{vector}", (heads,), _ROLE) for vector in ("dt_bias", "A_log", "D")),
        *rows(f"{convolution}.weight", windowed, (1, kernel), TensorRole.CONVOLUTION),
        *(rows(f"{convolution}.bias", windowed, (), TensorRole.CONVOLUTION) if shape.window_bias else ()),
        *rows(f"{projection}.weight", projected, (hidden,), _ROLE),
        *(rows(f"{projection}.bias", projected, (), _ROLE) if shape.in_bias else ()),
        *((layers.norm(f"{name}.norm", inner, Sharding.SPLIT),) if shape.has_norm else ()),
        *layers.linear(f"{name}.out_proj", hidden, inner, _ROLE, bias=shape.out_bias, divided_input=True),
    )
    count, chunk = len(layers), shape.chunk
    chunked = ceil_div(inner * state, chunk) + shape.groups * chunk
    return Block(
        tensors,
        live=4 * inner + 2 * grouped + heads + _FLOAT32_WIDTHS * chunked,
        states=(
            RecurrentState(count, (kernel - 1) * inner, heads, name=WINDOW),
            RecurrentState(count, (kernel - 1) * grouped, shape.groups, name=f"{WINDOW} of B and C"),
            RecurrentState(count, inner * state, heads, shape.state_bits, name=STATE),
        ),
        flops=count * (5 * inner * state + 2 * kernel * (inner + grouped)),
    )


def window(layers: Layers, name: str, channels: int, kernel: int, *, bias: bool) -> tuple[Tensor, ...]:
    """A convolution over the last tokens, each channel by itself."""
    weight = layers.tensor(f"{name}.weight", (channels, 1, kernel), TensorRole.CONVOLUTION)
    return (weight, *((layers.tensor(f"{name}.bias", (channels,), TensorRole.CONVOLUTION),) if bias else ()))


def state_bits(parameters: Hyperparameters, key: str) -> int | None:
    """Bits of a state's element as the config or its default names them; None = those of the computation."""
    return _BITS[parameters.choice(key, tuple(_BITS))]
