"""A model of which only the number of parameters P is known.

    decoder   P = 12 × layers × H²  with  H = 128 × layers   ->  H = (P × 128 / 12)^(1/3)
    encoder   the same with         H = 64 × layers
    CNN       operations and activations in proportion to ResNet-50's

12·H² per layer is 4 H² of attention and 8 H² of feed-forward (Kaplan et al. 2020, §2.1, embeddings left out). The
proportions are those of Llama-3.1-8B (4096 / 32) and BERT-base (768 / 12). Every head is given its own keys and
values: without knowing the groups, the cache must be an upper bound. Each assumption is named in `estimated`.
"""

from __future__ import annotations

from ai_on_eks.descriptors.inventory import (
    Activations,
    Inventory,
    Item,
    KeyValueState,
    Operations,
    Sharding,
    Tensor,
    TensorRole,
)

DECODER_ASPECT = 128
ENCODER_ASPECT = 64
DECODER_HEAD = 128
ENCODER_HEAD = 64
VOCABULARY = 131_072
"""Words. Between Llama 3 (128,256) and Qwen 3 (151,936); only the sampler's memory depends on it."""


def decoder(parameters: int) -> Inventory:
    """A generating transformer of `parameters` parameters."""
    hidden, layers = proportions(parameters, DECODER_ASPECT, DECODER_HEAD)
    heads = hidden // DECODER_HEAD
    return Inventory(
        architecture="transformer",
        item=Item.TOKEN,
        tensors=lump(parameters),
        states=(decoder_state(layers, heads),),
        operations=Operations(per_item=2 * parameters, per_item_and_context_token=4 * layers * hidden),
        activations=Activations(per_item=13 * hidden, vocabulary=VOCABULARY),
        layers=layers,
        hidden_size=hidden,
        attention_heads=heads,
        key_value_heads=heads,
        estimated=(
            f"{layers} layers of {hidden}: 12 × layers × hidden² parameters, hidden = {DECODER_ASPECT} × layers",
            f"{heads} key/value heads of {DECODER_HEAD}, one for each query head (upper bound of the cache)",
            "feed-forward layers of 4 × hidden, gated",
            f"a vocabulary of {VOCABULARY:,}",
            "the longest context is unknown",
        ),
    )


def decoder_state(layers: int, heads: int) -> KeyValueState:
    """Keys and values of so many layers of an assumed decoder."""
    return KeyValueState(layers, heads, DECODER_HEAD, DECODER_HEAD)


def encoder(parameters: int) -> Inventory:
    """An encoding transformer of `parameters` parameters."""
    hidden, layers = proportions(parameters, ENCODER_ASPECT, ENCODER_HEAD)
    heads = hidden // ENCODER_HEAD
    return Inventory(
        architecture="transformer",
        item=Item.TOKEN,
        tensors=lump(parameters),
        states=(),
        operations=Operations(per_item=2 * parameters, per_item_and_context_token=4 * layers * hidden),
        activations=Activations(per_item=9 * hidden),
        layers=layers,
        hidden_size=hidden,
        attention_heads=heads,
        key_value_heads=heads,
        estimated=(
            f"{layers} layers of {hidden}: 12 × layers × hidden² parameters, hidden = {ENCODER_ASPECT} × layers",
            "feed-forward layers of 4 × hidden",
            "the longest context is unknown",
        ),
    )


def convolution(parameters: int, reference: Inventory) -> Inventory:
    """A convolutional network of `parameters` parameters, scaled from `reference`."""
    return Inventory(
        architecture="cnn",
        item=Item.IMAGE,
        tensors=lump(parameters),
        states=(),
        operations=Operations(per_item=round(reference.operations.per_item * parameters / reference.parameters)),
        activations=Activations(
            per_item=max(
                reference.activations.per_item,
                round(reference.activations.per_item * parameters / reference.parameters),
            )
        ),
        layers=reference.layers,
        hidden_size=reference.hidden_size,
        estimated=(
            "operations per parameter as ResNet-50 at 224 × 224 pixels",
            "feature maps as ResNet-50's, larger in proportion to the parameters and never smaller",
        ),
    )


def lump(parameters: int) -> tuple[Tensor, ...]:
    """All parameters as one tensor."""
    return (Tensor("*", (parameters,), TensorRole.UNKNOWN, Sharding.SPLIT, 1, quantizable=True),)


def proportions(parameters: int, aspect: int, head: int, squares: int = 12) -> tuple[int, int]:
    """Hidden size as a multiple of the head's, and the layers that follow, each of `squares` × hidden² parameters;
    integer arithmetic, the same everywhere."""
    cube = parameters * aspect // squares
    hidden = head
    while (hidden + head // 2) ** 3 < cube:
        hidden += head
    return hidden, max(1, round(parameters / (squares * hidden**2)))
