"""Envoy's configuration: a proxy that asks the endpoint picker beside it for each request, and sends it there.

The picker answers with a header that names the replica; a request that it says nothing of goes nowhere. Requests and
answers are streamed through it in both directions, which is the only mode that it knows
(llm-d-router, README, v0.10).
"""

from __future__ import annotations

import json

from ai_on_eks.serving.types import Json

HTTP_PORT = 8081
HEALTH_PORT = 19001

DESTINATION_HEADER = "x-gateway-destination-endpoint"
"""In which the picker names the replica (Endpoint Picker Protocol, gateway-api-inference-extension 1.6)."""

MOST_HOLD = "3600s"
"""The most that Envoy waits for a picker (ext_proc, message_timeout, 1.38)."""

IDLE = "4000s"
"""As long as the load balancer before it waits."""

MOST_REQUESTS = 40_000
"""At once; the default of 1,024 is less than one large replica takes. What llm-d's own chart has (v0.10)."""

TYPES = "type.googleapis.com/envoy."
MANAGER = "envoy.filters.network.http_connection_manager"
HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def bootstrap(picker_port: int) -> str:
    """The file that Envoy starts with. Without an admin interface: nobody needs to change a proxy that runs."""
    return json.dumps(
        {
            "static_resources": {
                "listeners": [_requests(), _health()],
                "clusters": [_replicas(), _picker(picker_port)],
            }
        },
        indent=1,
        sort_keys=True,
    )


def _requests() -> Json:
    processor = {
        "failure_mode_allow": False,
        "grpc_service": {"envoy_grpc": {"cluster_name": "picker"}},
        "message_timeout": MOST_HOLD,
        "processing_mode": {
            "request_header_mode": "SEND",
            "request_body_mode": "FULL_DUPLEX_STREAMED",
            "request_trailer_mode": "SEND",
            "response_header_mode": "SEND",
            "response_body_mode": "FULL_DUPLEX_STREAMED",
            "response_trailer_mode": "SEND",
        },
    }
    route = {
        "match": {"prefix": "/"},
        "route": {"cluster": "replicas", "timeout": "0s", "idle_timeout": IDLE},
    }
    return _listener(
        HTTP_PORT,
        {
            "stat_prefix": "requests",
            "route_config": {"virtual_hosts": [{"name": "model", "domains": ["*"], "routes": [route]}]},
            "http_filters": [
                _filter("ext_proc", "extensions.filters.http.ext_proc.v3.ExternalProcessor", processor),
                _filter("router", "extensions.filters.http.router.v3.Router", {"suppress_envoy_headers": True}),
            ],
            "stream_idle_timeout": IDLE,
            "use_remote_address": True,
            # The load balancer before it is the one hop that is believed.
            "xff_num_trusted_hops": 1,
            "normalize_path": True,
            "merge_slashes": True,
            "path_with_escaped_slashes_action": "REJECT_REQUEST",
            "common_http_protocol_options": {"headers_with_underscores_action": "REJECT_REQUEST"},
        },
    )


def _health() -> Json:
    health = {
        "pass_through_mode": False,
        "headers": [{"name": ":path", "string_match": {"exact": "/ready"}}],
    }
    return _listener(
        HEALTH_PORT,
        {
            "stat_prefix": "health",
            "route_config": {"virtual_hosts": [{"name": "health", "domains": ["*"]}]},
            "http_filters": [
                _filter("health_check", "extensions.filters.http.health_check.v3.HealthCheck", health),
                _filter("router", "extensions.filters.http.router.v3.Router", {}),
            ],
        },
    )


def _replicas() -> Json:
    return {
        "name": "replicas",
        "type": "ORIGINAL_DST",
        "lb_policy": "CLUSTER_PROVIDED",
        "connect_timeout": "10s",
        "original_dst_lb_config": {"use_http_header": True, "http_header_name": DESTINATION_HEADER},
        "circuit_breakers": _limits(),
    }


def _picker(port: int) -> Json:
    """Beside it in the pod, so without TLS."""
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    return {
        "name": "picker",
        "type": "STATIC",
        "connect_timeout": "5s",
        "typed_extension_protocol_options": {
            HTTP_OPTIONS: {
                "@type": f"{TYPES}{HTTP_OPTIONS.removeprefix('envoy.')}",
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        },
        "circuit_breakers": _limits(),
        "load_assignment": {
            "cluster_name": "picker",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    }


def _limits() -> Json:
    return {
        "thresholds": [
            {
                "max_connections": MOST_REQUESTS,
                "max_pending_requests": MOST_REQUESTS,
                "max_requests": MOST_REQUESTS,
            }
        ]
    }


def _listener(port: int, manager: Json) -> Json:
    """On every address of the pod; who reaches it is the network policy's."""
    address = {"address": "0.0.0.0", "port_value": port}  # noqa: S104 - as said
    typed = {"@type": f"{TYPES}extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", **manager}
    return {
        "name": manager["stat_prefix"],
        "address": {"socket_address": address},
        "filter_chains": [{"filters": [{"name": MANAGER, "typed_config": typed}]}],
    }


def _filter(name: str, kind: str, settings: Json) -> Json:
    return {"name": f"envoy.filters.http.{name}", "typed_config": {"@type": f"{TYPES}{kind}", **settings}}
