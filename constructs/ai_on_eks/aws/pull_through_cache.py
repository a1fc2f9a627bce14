"""Rules by which ECR fetches what is asked of the mirror and not there yet.

    <account>.dkr.ecr.<region>.amazonaws.com/<prefix>/docker.io/org/image   from docker.io/org/image

A rule for each registry that ECR caches, except those that ask for credentials that nobody gave. What comes from other
registries, NVIDIA's among them, has to be copied, and so have charts of plain web sites.
"""

from __future__ import annotations

from aws_cdk import aws_ecr as ecr
from constructs import Construct

from ai_on_eks.catalog.pull_through import upstreams
from ai_on_eks.descriptors.platform_images import ImageCache


class PullThroughCache(Construct):
    """One rule for each registry."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's name
        *,
        prefix: str,
        cache: ImageCache,
    ) -> None:
        """`prefix` is the path of the mirror, without the registry's own name."""
        super().__init__(scope, id)
        self.registries: list[str] = []
        for name, upstream in upstreams().items():
            secret = cache.credentials.get(name)
            if upstream.credentials and secret is None:
                continue
            ecr.CfnPullThroughCacheRule(
                self,
                name,
                ecr_repository_prefix=f"{prefix}/{name}",
                upstream_registry=upstream.upstream,
                upstream_registry_url=upstream.address,
                credential_arn=secret,
            )
            self.registries.append(name)
