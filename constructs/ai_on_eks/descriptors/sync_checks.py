"""What has to agree between the platform file's `model_store.sync` and the rest of it."""

from __future__ import annotations

from collections.abc import Iterator

from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.errors import Problem


def check_sync(platform: Platform) -> Iterator[Problem]:
    """Jobs that would reach no hub, or ask for a secret where it is not."""
    sync = platform.model_store.sync
    if sync is None:
        return
    if platform.network.is_isolated:
        yield Problem(
            "needs-internet",
            "the jobs read from the hub, which the platform's network does not reach",
            path="model_store.sync",
            fix="remove it and upload the weights from elsewhere, or set network.nat_gateways: one",
        )
    if sync.hub_token is not None and (region := sync.hub_token.split(":")[3]) != platform.region:
        yield Problem(
            "region-mismatch",
            f"the secret lies in {region}, and pods read secrets of {platform.region}",
            path="model_store.sync.hub_token",
            value=sync.hub_token,
            fix=f"replicate it to {platform.region}, and name that copy",
        )
