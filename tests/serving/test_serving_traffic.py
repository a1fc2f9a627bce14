"""How requests reach a model: its host name, its router, and what is refused because nothing would wake it."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from serving_plans import IMAGES, PLATFORM, bge, llama, llama_70b, resnet
from test_serving_autoscaling import BY_LOAD

from ai_on_eks.catalog.endpoint_picker import picker_metrics
from ai_on_eks.descriptors.platform_autoscaling import Autoscaling
from ai_on_eks.descriptors.platform_gateway import ExistingGateway, Gateway, GatewayKind, Tokens
from ai_on_eks.descriptors.schema import Serving
from ai_on_eks.errors import InputError
from ai_on_eks.placement.types import Plan
from ai_on_eks.serving.types import Traffic, Workload
from ai_on_eks.serving.workload import build_workload
from ai_on_eks.units import MIB

BALANCED = Gateway(
    kind=GatewayKind.INTERNAL_ALB,
    domain="models.example.com",
    certificate_arn="arn:aws:acm:us-east-1:111122223333:certificate/12345678-abcd-4bcd-9abc-123456789012",
    tokens=Tokens(issuer="https://issuer.example.com", keys="https://issuer.example.com/jwks.json", audience="models"),
    subnets={"subnet-0123456789abcdef1": "10.0.224.64/26", "subnet-0123456789abcdef0": "10.0.224.0/26"},
)
EXISTING = Gateway(
    kind=GatewayKind.EXISTING, domain="models.example.com", existing=ExistingGateway(name="entry", namespace="istio")
)
SLEEPING = Serving(scale_to_zero=True, maximum_replicas=3)


def built(plan: Plan, **changes: Any) -> Workload:
    return build_workload(plan, PLATFORM.model_copy(update={**BY_LOAD, "gateway": BALANCED, **changes}), IMAGES)


def traffic(plan: Plan, **changes: Any) -> Traffic:
    found = built(plan, **changes).traffic
    assert found is not None
    return found


def test_without_a_gateway_there_is_no_way_in() -> None:
    assert built(llama_70b(), gateway=Gateway()).traffic is None


def test_a_model_behind_a_load_balancer_of_ours_has_a_name_tokens_and_the_load_balancers_ranges() -> None:
    found = traffic(llama_70b())
    assert (found.hostname, found.gateway) == ("llama-70b.models.example.com", "models")
    assert found.gateway_namespace == PLATFORM.namespace
    assert found.source_ranges == ("10.0.224.0/26", "10.0.224.64/26")
    assert found.tokens is not None
    assert found.tokens.audience == "models"


def test_a_load_balancer_without_subnets_of_its_own_stands_among_the_nodes() -> None:
    shared = BALANCED.model_copy(update={"subnets": {}})
    assert traffic(llama_70b(), gateway=shared).source_ranges == PLATFORM.network.node_ranges


def test_a_gateway_that_stands_is_named_as_it_is_and_brings_its_own_authentication() -> None:
    found = traffic(llama_70b(), gateway=EXISTING)
    assert (found.gateway, found.gateway_namespace, found.tokens, found.source_ranges) == ("entry", "istio", None, ())


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (llama_70b(), True),
        (llama(), False),
        (llama(serving=Serving(maximum_replicas=3)), True),
        (llama(serving=SLEEPING), True),
        (bge(serving=Serving(maximum_replicas=3)), False),
        (resnet(serving=Serving(minimum_replicas=2, maximum_replicas=3)), False),
    ],
    ids=["two", "one", "up to three", "none or three", "of an engine it does not know", "of another"],
)
def test_there_is_a_router_where_there_is_something_to_choose_and_something_that_can(
    plan: Plan, expected: bool
) -> None:
    assert (traffic(plan).router is not None) == expected


def test_only_a_load_balancer_needs_a_proxy_and_both_images_are_among_the_unpinned() -> None:
    balanced, existing = traffic(llama_70b()).router, traffic(llama_70b(), gateway=EXISTING).router
    assert balanced is not None
    assert existing is not None
    assert balanced.image == existing.image == IMAGES["endpoint-picker"].reference
    assert (balanced.proxy_image, existing.proxy_image) == (IMAGES["router-proxy"].reference, None)


def test_a_router_grows_with_requests_and_their_length() -> None:
    def router(rate: float | None) -> tuple[int, int]:
        plan = llama_70b()
        assert plan.chosen is not None
        found = traffic(replace(plan, chosen=replace(plan.chosen, requests_per_second=rate))).router
        assert found is not None
        return found.millicores, found.memory_bytes

    idle, busy = router(None), router(10.0)
    assert idle == (250 + 75 * 2, 512 * MIB)
    assert busy[0] > idle[0]
    assert busy[1] == (512 + 350) * MIB


def test_a_model_that_must_have_copies_has_two_routers_and_never_more() -> None:
    for least, expected in ((1, 1), (2, 2), (3, 2)):
        router = traffic(llama_70b(serving=Serving(minimum_replicas=least, maximum_replicas=4))).router
        assert router is not None
        assert router.replicas == expected


def test_a_model_that_may_sleep_is_woken_by_what_its_router_holds() -> None:
    workload = built(llama(serving=SLEEPING))
    assert workload.autoscaling is not None
    assert workload.autoscaling.least == 0
    held = {one.name: one for one in workload.autoscaling.signals}["held"]
    assert "llm_d_epp_flow_control_queue_size" in held.query
    router = workload.traffic.router if workload.traffic else None
    assert router is not None
    assert router.hold_seconds is not None
    assert 60 <= router.hold_seconds <= 3600


@pytest.mark.parametrize(
    ("plan", "changes", "words"),
    [
        (llama(serving=SLEEPING), {"autoscaling": Autoscaling()}, "nobody changes the number"),
        (llama(serving=SLEEPING), {"gateway": Gateway()}, "straight to the pods"),
        (bge(serving=SLEEPING), {}, "tells of a request"),
    ],
    ids=["no autoscaler", "no gateway", "another engine"],
)
def test_a_model_that_nothing_would_wake_is_refused(plan: Plan, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as raised:
        built(plan, **changes)
    (problem,) = [one for one in raised.value.problems if one.code == "sleep-not-possible"]
    assert problem.path == "serving.scale_to_zero"
    assert words in problem.message


def test_the_picker_knows_engines_by_their_own_names_of_metrics() -> None:
    assert picker_metrics("vllm") == "vllm"
    assert picker_metrics("tei") is None
