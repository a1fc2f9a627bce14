"""Small models and machines whose times can be computed by hand."""

from __future__ import annotations

from typing import Any

from msgspec.structs import fields, replace

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
from ai_on_eks.descriptors.schema import Precision, WeightPrecision
from ai_on_eks.performance.calibration import Constants
from ai_on_eks.performance.machine import Machine

BF16 = Precision(weights=WeightPrecision.BF16)
FP8 = Precision(weights=WeightPrecision.FP8)

PARAMETERS = 8_000_000_000
HEAD = Tensor("lm_head.weight", (100_000, 4096), TensorRole.HEAD, Sharding.SPLIT)
BODY = Tensor(
    "layers.*.weight", (PARAMETERS // 32 // 4096, 4096), TensorRole.FEED_FORWARD, Sharding.SPLIT, 32, quantizable=True
)

DENSE = Inventory(
    architecture="decoder",
    item=Item.TOKEN,
    tensors=(HEAD, BODY),
    states=(KeyValueState(32, 8, 128, 128),),
    operations=Operations(HEAD.parameters * 2 + BODY.parameters * 2, 4 * 32 * 4096),
    activations=Activations(55_296, 100_000),
    layers=32,
    hidden_size=4096,
    attention_heads=32,
    key_value_heads=8,
)

EXPERTS = Tensor(
    "layers.*.experts.*.weight", (4096, 4096), TensorRole.EXPERT, Sharding.SPLIT, 32 * 8, True, 32 * 2, 8
)  # eight experts in each of 32 layers, of which a token passes two
MIXTURE = replace(
    DENSE,
    tensors=(HEAD, EXPERTS),
    operations=Operations(HEAD.parameters * 2 + EXPERTS.active_parameters * 2, 4 * 32 * 4096),
)

MACHINE = Machine(
    generation="none",
    dense_flops={"bf16": 1e15, "fp8": 2e15},
    bandwidth_bytes_per_second=4e12,
    link_bytes_per_second=4e11,
    network_bytes_per_second=4e11,
    ranks_per_node=8,
    link_domain_ranks=8,
)

IDEAL = Constants(**{field.name: 0.0 for field in fields(Constants)})


def ideal(**changed: float) -> Constants:
    """Every share 1, every time and everything else 0, but for what is changed."""
    whole: dict[str, Any] = dict.fromkeys(
        (
            *("bandwidth", "expert_bandwidth", "cache_bandwidth", "recurrent_bandwidth", "link"),
            *("compute_half", "compute_fp8", "compute_fp4", "expert_compute", "attention_compute", "latent_compute"),
            *("encoder_compute", "convolution_compute", "diffusion_compute", "launch", "prompt"),
        ),
        1.0,
    )
    return replace(IDEAL, **{**whole, **changed})
