"""How requests reach a model through the platform's gateway, and what chooses the replica for each.

    host name  = <model>.<domain>
    router     where the picker knows the engine's metrics and there can be several replicas, or none:
               internal-alb   a proxy that asks the picker, since a load balancer cannot
               existing       the picker alone; the gateway asks it by the model's InferencePool

    processors of a router = 250m + 75m × replicas + 356m × requests per second × context ÷ 100,000 tokens
    memory of a router     = 512 MiB + 35 MiB × requests per second

The figures are those of llm-d's own measurements (llm-d-router, docs/operations.md, v0.10: 7.5 cores with 100 idle
replicas; 35.2 cores and 2.5 to 3.4 GiB at 98.7 requests per second of 100,000 tokens, which include the replicas').
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import ceil

from ai_on_eks.catalog.endpoint_picker import picker_metrics
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.platform_gateway import Gateway
from ai_on_eks.descriptors.schema import Descriptor
from ai_on_eks.errors import Problem
from ai_on_eks.performance.readiness import Readiness
from ai_on_eks.placement.types import Placement
from ai_on_eks.serving.autoscaling import replica_range
from ai_on_eks.serving.replica import Probes
from ai_on_eks.serving.types import ImageReference, Router, TokenCheck, Traffic
from ai_on_eks.units import MIB

GATEWAY_NAME = "models"
"""Of the Gateway before our own load balancer, in the models' namespace."""

PICKER_KEY, PROXY_KEY = "endpoint-picker", "router-proxy"

IDLE_MILLICORES, REPLICA_MILLICORES, REQUEST_MILLICORES = 250, 75, 356
REQUEST_TOKENS = 100_000
IDLE_MEMORY_BYTES, REQUEST_MEMORY_BYTES = 512 * MIB, 35 * MIB
MOST_MILLICORES = 32_000
"""Beyond this a router is no longer one pod; nobody measured more."""

MOST_ROUTERS = 2
"""As many as the model must have copies, so that one may fail; more would only know less of each prefix."""

LEAST_HOLD_SECONDS = 60
MOST_HOLD_SECONDS = 3600
"""An application load balancer gives up after 4,000 s without a byte (Elastic Load Balancing user guide, 2026-11)."""


def router_images(descriptor: Descriptor, platform: Platform, placement: Placement) -> tuple[str, ...]:
    """Keys of the images that the model's router needs."""
    if not has_router(descriptor, platform, placement):
        return ()
    return (PICKER_KEY, PROXY_KEY) if platform.gateway.has_load_balancer else (PICKER_KEY,)


def has_router(descriptor: Descriptor, platform: Platform, placement: Placement) -> bool:
    """Whether there is something to choose for each request, and something that can."""
    if not platform.gateway.is_on or picker_metrics(placement.engine.name) is None:
        return False
    least, most = replica_range(descriptor, placement)
    return placement.replicas > 1 or (platform.autoscaling.is_on and (least == 0 or most > 1))


def traffic(
    descriptor: Descriptor,
    platform: Platform,
    placement: Placement,
    probes: Probes,
    images: Mapping[str, ImageReference],
) -> Traffic | None:
    """The way in; None where the platform has none. Settings have been checked."""
    gateway = platform.gateway
    if not gateway.is_on or gateway.domain is None:
        return None
    name, namespace = GATEWAY_NAME, platform.namespace
    if gateway.existing is not None:
        name, namespace = gateway.existing.name, gateway.existing.namespace
    return Traffic(
        hostname=f"{descriptor.name}.{gateway.domain}",
        gateway=name,
        gateway_namespace=namespace,
        has_load_balancer=gateway.has_load_balancer,
        source_ranges=source_ranges(platform) if gateway.has_load_balancer else (),
        tokens=_tokens(gateway),
        health_path=probes.readiness,
        router=_router(descriptor, platform, placement, probes.start, images),
    )


def source_ranges(platform: Platform) -> tuple[str, ...]:
    """Where the load balancer stands: subnets of its own, or those of the nodes."""
    return tuple(sorted(platform.gateway.subnets.values())) or platform.network.node_ranges


def _tokens(gateway: Gateway) -> TokenCheck | None:
    tokens = gateway.tokens
    return None if tokens is None else TokenCheck(tokens.issuer, tokens.keys, tokens.audience)


def _router(
    descriptor: Descriptor,
    platform: Platform,
    placement: Placement,
    start: Readiness,
    images: Mapping[str, ImageReference],
) -> Router | None:
    metrics = picker_metrics(placement.engine.name)
    if metrics is None or not has_router(descriptor, platform, placement):
        return None
    most = max(placement.replicas, replica_range(descriptor, placement)[1])
    rate = (placement.requests_per_second or 0.0) * most / placement.replicas
    work = REQUEST_MILLICORES * rate * placement.max_model_len / REQUEST_TOKENS
    serving = descriptor.serving
    held = min(MOST_HOLD_SECONDS, max(LEAST_HOLD_SECONDS, ceil(2 * start.total_seconds)))
    return Router(
        image=images[PICKER_KEY].reference,
        proxy_image=images[PROXY_KEY].reference if platform.gateway.has_load_balancer else None,
        metrics=metrics,
        millicores=min(MOST_MILLICORES, ceil(IDLE_MILLICORES + REPLICA_MILLICORES * most + work)),
        memory_bytes=ceil((IDLE_MEMORY_BYTES + REQUEST_MEMORY_BYTES * rate) / MIB) * MIB,
        replicas=min(MOST_ROUTERS, serving.minimum_replicas),
        hold_seconds=held if serving.scale_to_zero else None,
    )


def sleep_problems(descriptor: Descriptor, platform: Platform, placement: Placement) -> Iterator[Problem]:
    """Why a model could not sleep: nothing would wake it."""
    if not descriptor.serving.scale_to_zero:
        return
    why = fix = None
    if not platform.autoscaling.is_on:
        why, fix = "nobody changes the number of replicas", "set autoscaling.kind: by-load in the platform file"
    elif not placement.accelerators_per_replica:
        why = "models on processors are scaled by their use, and without a pod there is none"
        fix = "remove scale_to_zero"
    elif picker_metrics(placement.engine.name) is None:
        why = f"nothing before {placement.engine.title} tells of a request while no replica runs"
        fix = "remove scale_to_zero, or choose vllm or sglang by constraints.engines"
    elif not platform.gateway.is_on:
        why = "requests come straight to the pods, and nothing tells of one while there is none"
        fix = "add gateway to the platform file, or remove scale_to_zero"
    if why is not None:
        yield Problem("sleep-not-possible", why, path="serving.scale_to_zero", value=True, fix=fix)
