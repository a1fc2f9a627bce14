"""The API server, asked through the user's kubeconfig: which kinds it serves, what it holds, what it would hold.

    GET  an object, or the objects with our labels
    PUT  with dryRun=All: the object as it would be stored in place of the one that is there; nothing is stored

The library `kubernetes` finds server, credentials and certificates as kubectl does. Requests go through its connection
pool and not its typed calls: answers are bounded before they are read, and no object has to be of a known kind. Secrets
are never asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

import yaml
from msgspec import Struct, field

from ai_on_eks.drift.types import Json
from ai_on_eks.errors import Problem, UsageError

MAX_ANSWER_BYTES = 8 * 2**20
"""Of one answer. An object is at most 1.5 MiB (etcd's limit on a request); a page of 100 of ours has far less."""
PAGE_OBJECTS = 100
MAX_PAGES = 100
TIMEOUT_SECONDS = 30.0

NEVER_READ = frozenset({"Secret"})


class RefusedError(Exception):
    """The API server did not do what it was asked for."""

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        self.reason = reason
        super().__init__(f"{status} {reason}")


class Resource(Struct, frozen=True):
    """How a kind is spelled in addresses."""

    api_version: str
    plural: str
    namespaced: bool

    def path(self, namespace: str, name: str | None = None) -> str:
        """Path of an object, or of all objects of the namespace; '' = of every namespace."""
        group = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        place = f"/namespaces/{quote(namespace, safe='')}" if self.namespaced and namespace else ""
        return f"{group}{place}/{self.plural}" + ("" if name is None else f"/{quote(name, safe='')}")


class Cluster(Struct):
    """One API server. `client` is the library's ApiClient, `server` an address, `context` a name of the kubeconfig."""

    client: Any
    context: str
    server: str
    _resources: dict[str, Mapping[str, Resource]] = field(default_factory=dict)

    def resource(self, api_version: str, kind: str) -> Resource | None:
        """How the kind is addressed; None where this server does not serve it."""
        if kind in NEVER_READ:
            raise ValueError(f"{kind} is never read")
        if api_version not in self._resources:
            self._resources[api_version] = self._discover(api_version)
        return self._resources[api_version].get(kind)

    def get(self, resource: Resource, namespace: str, name: str) -> Json | None:
        """The object, or None where there is none."""
        try:
            return self._ask("GET", resource.path(namespace, name))
        except RefusedError as refused:
            if refused.status == 404:
                return None
            raise

    def replaced(self, resource: Resource, manifest: Json) -> Json:
        """The object as the server would store it in place of the present one."""
        metadata = manifest["metadata"]
        path = resource.path(metadata.get("namespace", ""), metadata["name"])
        return self._ask("PUT", path, {"dryRun": "All", "fieldManager": "ai-on-eks-verify"}, manifest)

    def listed(self, resource: Resource, selector: str) -> Iterator[Json]:
        """Every object of the kind with these labels, in all namespaces, page by page."""
        query = {"labelSelector": selector, "limit": str(PAGE_OBJECTS)}
        for _ in range(MAX_PAGES):
            page = self._ask("GET", resource.path(""), query)
            yield from page.get("items") or ()
            after = (page.get("metadata") or {}).get("continue")
            if not after:
                return
            query["continue"] = after
        raise RefusedError(200, f"more than {PAGE_OBJECTS * MAX_PAGES:,} {resource.plural} carry the platform's labels")

    def _discover(self, api_version: str) -> Mapping[str, Resource]:
        root = Resource(api_version, "", namespaced=False).path("").rstrip("/")
        try:
            listing: Sequence[Json] = self._ask("GET", root).get("resources") or ()
        except RefusedError as refused:
            if refused.status == 404:
                return {}
            raise
        return {
            one["kind"]: Resource(api_version, one["name"], one["namespaced"])
            for one in listing
            if "/" not in one["name"]  # a part of an object, such as deployments/scale
        }

    def _ask(self, method: str, path: str, query: Mapping[str, str] | None = None, body: Json | None = None) -> Json:
        from urllib3.exceptions import HTTPError  # noqa: PLC0415 - comes with the library that is optional

        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        self.client.update_params_for_auth(headers, [], ["BearerToken"])
        url = f"{self.client.configuration.host.rstrip('/')}{path}" + (f"?{urlencode(query)}" if query else "")
        try:
            answer = self.client.rest_client.pool_manager.request(
                method,
                url,
                headers=headers,
                body=None if body is None else json.dumps(body).encode(),
                timeout=TIMEOUT_SECONDS,
                retries=False,
                redirect=False,
                preload_content=False,
            )
            data = answer.read(MAX_ANSWER_BYTES + 1, decode_content=True)
            answer.drain_conn() if len(data) <= MAX_ANSWER_BYTES else answer.close()
            answer.release_conn()
        except HTTPError as error:
            raise unreachable(self.server, type(error).__name__) from None
        return self._read(answer.status, data)

    def _read(self, status: int, data: bytes) -> Json:
        if status == 401:
            raise UsageError(
                Problem(
                    code="cluster-unauthorized",
                    message=f"{self.server} does not take the credentials of the context {self.context}",
                    fix="log in again, for example with `aws eks update-kubeconfig`, or name another --context",
                )
            )
        if len(data) > MAX_ANSWER_BYTES:
            raise RefusedError(status, f"an answer has more than {MAX_ANSWER_BYTES:,} bytes")
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise RefusedError(status, "the answer is no JSON object")
        if not 200 <= status <= 299:
            raise RefusedError(status, str(value.get("reason") or "no reason given"))
        return value


def unreachable(server: str, reason: str) -> UsageError:
    """What is told where the server gives no answer."""
    return UsageError(
        Problem(
            code="cluster-unreachable",
            message=f"{server} does not answer: {reason}",
            fix="check the network (a private endpoint is reached from inside its VPC only) and --context",
        )
    )


def connect(kubeconfig: str | None, context: str | None) -> Cluster:
    """The cluster of a kubeconfig file (default: as kubectl) and a context (default: its current one)."""
    try:
        from kubernetes import config  # noqa: PLC0415 - takes a second, and only `verify` needs it
    except ModuleNotFoundError as error:
        raise UsageError(
            Problem(
                code="missing-dependency",
                message=f"reading a cluster needs the Python module {error.name}",
                value=error.name,
                fix="pip install 'ai-on-eks[cluster]'",
            )
        ) from None
    try:
        _, current = config.list_kube_config_contexts(kubeconfig)
        name = context or current["name"]
        client: Any = config.new_client_from_config(kubeconfig, name, persist_config=False)
    except yaml.YAMLError:
        raise _not_usable("the file is not YAML", kubeconfig, context) from None  # the error itself quotes credentials
    except (config.ConfigException, OSError, ValueError, TypeError, KeyError) as error:
        raise _not_usable(" ".join(str(error).split()), kubeconfig, context) from None
    return Cluster(client, name, client.configuration.host)


def _not_usable(reason: str, kubeconfig: str | None, context: str | None) -> UsageError:
    return UsageError(
        Problem(
            code="kubeconfig-not-usable",
            message=f"no cluster is known: {reason}",
            file=kubeconfig,
            value=context,
            fix="name --kubeconfig and --context; `aws eks update-kubeconfig --name CLUSTER` writes them",
        )
    )
