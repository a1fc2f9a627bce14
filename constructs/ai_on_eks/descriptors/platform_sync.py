"""The platform file's section `model_store.sync`: jobs that copy weights from the hub into the bucket."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from ai_on_eks.descriptors import patterns
from ai_on_eks.descriptors.schema import Strict

SecretArn = Annotated[str, StringConstraints(pattern=patterns.SECRET_ARN.expression)]


class WeightSync(Strict):
    """A job for each model whose source is on the hub and pinned to a commit."""

    hub_token: SecretArn | None = Field(
        default=None,
        description="ARN of a Secrets Manager secret whose text is a token of the hub, for gated models; default: no "
        "token is sent",
    )
    megabytes_per_second: int = Field(
        default=100,
        ge=1,
        le=10_000,
        description="MB/s that one job gets from the hub at least; three times as long as a model then takes, the job "
        "is given up",
    )
