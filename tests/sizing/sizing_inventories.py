"""Inventories written down from published hyper-parameters, so that sizing is tested without any reader."""

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


def decoder(
    *,
    layers: int,
    hidden: int,
    intermediate: int,
    heads: int,
    key_value_heads: int,
    vocabulary: int,
    head_dimension: int | None = None,
    tied: bool = False,
    head_norms: bool = False,
) -> Inventory:
    """A Llama-like decoder; `head_norms` adds Qwen3's norms of queries and keys."""
    dimension = head_dimension or hidden // heads
    queries, keys = heads * dimension, key_value_heads * dimension
    tensors = [
        Tensor("embed", (vocabulary, hidden), TensorRole.EMBEDDING, Sharding.SPLIT),
        Tensor("layers.*.q", (queries, hidden), TensorRole.ATTENTION, Sharding.SPLIT, layers, quantizable=True),
        Tensor("layers.*.k", (keys, hidden), TensorRole.ATTENTION, Sharding.KEY_VALUE, layers, quantizable=True),
        Tensor("layers.*.v", (keys, hidden), TensorRole.ATTENTION, Sharding.KEY_VALUE, layers, quantizable=True),
        Tensor("layers.*.o", (hidden, queries), TensorRole.ATTENTION, Sharding.SPLIT, layers, quantizable=True),
        Tensor(
            "layers.*.gate", (intermediate, hidden), TensorRole.FEED_FORWARD, Sharding.SPLIT, layers, quantizable=True
        ),
        Tensor(
            "layers.*.up", (intermediate, hidden), TensorRole.FEED_FORWARD, Sharding.SPLIT, layers, quantizable=True
        ),
        Tensor(
            "layers.*.down", (hidden, intermediate), TensorRole.FEED_FORWARD, Sharding.SPLIT, layers, quantizable=True
        ),
        Tensor("layers.*.norm", (hidden,), TensorRole.NORM, Sharding.REPLICATED, 2 * layers),
        Tensor("norm", (hidden,), TensorRole.NORM, Sharding.REPLICATED),
    ]
    if head_norms:
        tensors.append(Tensor("layers.*.head_norm", (dimension,), TensorRole.NORM, Sharding.REPLICATED, 2 * layers))
    if not tied:
        tensors.append(Tensor("head", (vocabulary, hidden), TensorRole.HEAD, Sharding.SPLIT))
    products = layers * (2 * queries * hidden + 2 * keys * hidden + 3 * intermediate * hidden) + vocabulary * hidden
    return Inventory(
        architecture="decoder",
        item=Item.TOKEN,
        tensors=tuple(tensors),
        states=(KeyValueState(layers, key_value_heads, dimension, dimension),),
        operations=Operations(per_item=2 * products, per_item_and_context_token=4 * layers * queries),
        activations=Activations(per_item=3 * intermediate + hidden, vocabulary=vocabulary, undivided=hidden),
        layers=layers,
        hidden_size=hidden,
        attention_heads=heads,
        key_value_heads=key_value_heads,
    )


def encoder(*, layers: int = 24, hidden: int = 1024, heads: int = 16, parameters: int = 335_141_888) -> Inventory:
    """An encoder of so many parameters; its tensors are not told apart."""
    return Inventory(
        architecture="encoder",
        item=Item.TOKEN,
        tensors=(Tensor("all", (parameters,), TensorRole.UNKNOWN, Sharding.REPLICATED),),
        states=(),
        operations=Operations(per_item=2 * parameters, per_item_and_context_token=4 * layers * hidden),
        activations=Activations(per_item=8 * hidden),
        layers=layers,
        hidden_size=hidden,
        attention_heads=heads,
    )


LLAMA_3_1_8B = decoder(layers=32, hidden=4096, intermediate=14336, heads=32, key_value_heads=8, vocabulary=128256)
LLAMA_3_70B = decoder(layers=80, hidden=8192, intermediate=28672, heads=64, key_value_heads=8, vocabulary=128256)
LLAMA_2_7B = decoder(layers=32, hidden=4096, intermediate=11008, heads=32, key_value_heads=32, vocabulary=32000)
YI_34B = decoder(layers=60, hidden=7168, intermediate=20480, heads=56, key_value_heads=8, vocabulary=64000)
QWEN3_0_6B = decoder(
    layers=28,
    hidden=1024,
    intermediate=3072,
    heads=16,
    key_value_heads=8,
    vocabulary=151936,
    head_dimension=128,
    tied=True,
    head_norms=True,
)
QWEN3_32B = decoder(
    layers=64,
    hidden=5120,
    intermediate=25600,
    heads=64,
    key_value_heads=8,
    vocabulary=151936,
    head_dimension=128,
    head_norms=True,
)
BGE_LARGE = encoder()
