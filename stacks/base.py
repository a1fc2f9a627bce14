"""What all stacks of a platform share: account, region, zones, tags, protection."""

from __future__ import annotations

import jsii
from aws_cdk import Environment, Stack
from constructs import Construct

from ai_on_eks.aws.platform_tags import platform_tags
from ai_on_eks.descriptors.platform import Platform


class PlatformStack(Stack):
    """A stack of one platform, named `<platform>-<unit>`. Names are a contract: a rename makes a second stack.

    `keeps_data` protects a stack against deletion as a whole; what is in it protects itself besides.
    """

    def __init__(self, scope: Construct, unit: str, *, platform: Platform, description: str, keeps_data: bool) -> None:
        self._zones = list(platform.network.availability_zones)
        super().__init__(
            scope,
            f"{platform.name}-{unit}",
            stack_name=f"{platform.name}-{unit}",  # also in a stage of a pipeline, whose name CDK would put before
            description=description,
            env=Environment(account=platform.account, region=platform.region),
            tags=platform_tags(platform),
            termination_protection=keeps_data,
        )

    @property
    @jsii.member(jsii_name="availabilityZones")
    def availability_zones(self) -> list[str]:
        """The zones the platform file names. CDK's own answer is a look-up, which needs credentials."""
        return self._zones
