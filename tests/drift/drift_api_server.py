"""An API server in the test's own process: as much of Kubernetes' API as `verify` asks for, with its habits.

It completes what is stored (defaults, amounts in a form of its own, addresses), wants the present version at a
replacement, refuses to change what cannot change, stores nothing at a dry run, and lists page by page.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]

TOKEN = "token-of-the-test"  # noqa: S105 - the server below asks for it

KINDS: dict[str, dict[str, tuple[str, bool]]] = {
    "v1": {
        "ConfigMap": ("configmaps", True),
        "Namespace": ("namespaces", False),
        "PersistentVolume": ("persistentvolumes", False),
        "PersistentVolumeClaim": ("persistentvolumeclaims", True),
        "Service": ("services", True),
        "ServiceAccount": ("serviceaccounts", True),
        "Secret": ("secrets", True),
    },
    "batch/v1": {"Job": ("jobs", True)},
    "apps/v1": {"Deployment": ("deployments", True), "DaemonSet": ("daemonsets", True)},
    "networking.k8s.io/v1": {"NetworkPolicy": ("networkpolicies", True)},
    "policy/v1": {"PodDisruptionBudget": ("poddisruptionbudgets", True)},
    "scheduling.k8s.io/v1": {"PriorityClass": ("priorityclasses", False)},
}


@dataclass
class ApiServer:
    """Objects by path. `refused` gives the status of an answer by method and beginning of the path."""

    objects: dict[str, Json] = field(default_factory=dict)
    refused: dict[tuple[str, str], int] = field(default_factory=dict)
    bodies: dict[str, bytes] = field(default_factory=dict)
    page_objects: int = 500
    requests: list[tuple[str, str]] = field(default_factory=list)
    address: str = ""

    def apply(self, manifest: Json, change: Callable[[Json], None] = lambda live: None) -> Json:
        """Store a manifest as the server would, and then change it behind everybody's back."""
        stored = completed(deepcopy(manifest))
        stored["metadata"] |= {"resourceVersion": "7", "uid": "0000", "generation": 1, "managedFields": [{"x": 1}]}
        stored["status"] = healthy(stored)
        change(stored)
        self.objects[path_of(stored)] = stored
        return stored

    def kubeconfig(self, folder: Path, token: str = TOKEN) -> str:
        """A file that leads here."""
        path = folder / "kubeconfig"
        path.write_text(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "demo",
                    "contexts": [{"name": "demo", "context": {"cluster": "here", "user": "someone"}}],
                    "clusters": [{"name": "here", "cluster": {"server": self.address}}],
                    "users": [{"name": "someone", "user": {"token": token}}],
                }
            ),
            encoding="utf-8",
        )
        return str(path)


def path_of(manifest: Json) -> str:
    """Where the object is addressed."""
    api_version, metadata = manifest["apiVersion"], manifest["metadata"]
    plural, namespaced = KINDS[api_version][manifest["kind"]]
    root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    place = f"/namespaces/{metadata['namespace']}" if namespaced else ""
    return f"{root}{place}/{plural}/{metadata['name']}"


def completed(manifest: Json) -> Json:
    """With some of the server's defaults, for those fields that a manifest here leaves out."""
    spec = manifest.setdefault("spec", {})
    if manifest["kind"] == "Service":
        spec.setdefault("sessionAffinity", "None")
        spec.setdefault("internalTrafficPolicy", "Cluster")
        spec.setdefault("clusterIP", "172.20.0.9")
        spec.setdefault("clusterIPs", [spec["clusterIP"]])
    if manifest["kind"] == "PersistentVolume":
        spec.setdefault("volumeMode", "Filesystem")
    if manifest["kind"] == "Deployment":
        spec.setdefault("replicas", 1)
        pod = spec["template"]["spec"]
        pod.setdefault("dnsPolicy", "ClusterFirst")
        pod.setdefault("restartPolicy", "Always")
        pod["serviceAccount"] = pod.get("serviceAccountName", "default")
        for container in pod["containers"]:
            container.setdefault("terminationMessagePath", "/dev/termination-log")
            for part in container.get("resources", {}).values():
                part.update({name: canonical(amount) for name, amount in part.items()})
    if manifest["kind"] in ("ConfigMap", "ServiceAccount", "PriorityClass"):
        del manifest["spec"]
    return manifest


def canonical(amount: str) -> str:
    """`1024Mi` as the server writes it."""
    mebibytes = int(amount[:-2]) if amount.endswith("Mi") else 0
    return f"{mebibytes // 1024}Gi" if mebibytes and mebibytes % 1024 == 0 else amount


def healthy(stored: Json) -> Json:
    """The status of an object that does what it should."""
    if stored["kind"] == "Deployment":
        wanted = stored["spec"]["replicas"]
        available = {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"}
        return {
            "observedGeneration": 1,
            "availableReplicas": wanted,
            "readyReplicas": wanted,
            "conditions": [available],
        }
    phases = {"Namespace": "Active", "PersistentVolume": "Bound", "PersistentVolumeClaim": "Bound"}
    return {"phase": phases.get(stored["kind"], "")}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 2**16  # head and body in one packet, or each answer waits 40 ms for an acknowledgement
    state: ApiServer

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Quiet."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if not self._admitted(parts.path):
            return None
        if parts.path in self.state.objects:
            return self._send(200, self.state.objects[parts.path])
        for api_version, kinds in KINDS.items():
            root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
            if parts.path == root:
                return self._send(200, {"kind": "APIResourceList", "resources": _resources(kinds)})
            for kind, (plural, _namespaced) in kinds.items():
                if parts.path == f"{root}/{plural}":
                    return self._list(kind, api_version, parse_qs(parts.query))
        return self._fail(404, "NotFound")

    def do_PUT(self) -> None:
        parts = urlsplit(self.path)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self._admitted(parts.path):
            return None
        live = self.state.objects.get(parts.path)
        if parse_qs(parts.query).get("dryRun") != ["All"]:
            raise AssertionError("verify must not store anything")
        if live is None:
            return self._fail(404, "NotFound")
        if body["metadata"].get("resourceVersion") != live["metadata"]["resourceVersion"]:
            return self._fail(409, "Conflict")
        if body["kind"] == "Service" and body["spec"].get("clusterIP") != live["spec"]["clusterIP"]:
            return self._fail(422, "Invalid")
        if body["kind"] == "Deployment" and body["spec"]["selector"] != live["spec"]["selector"]:
            return self._fail(422, "Invalid")
        return self._send(200, {**completed(body), "status": live["status"]})

    def _admitted(self, path: str) -> bool:
        self.state.requests.append((self.command, path))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._fail(401, "Unauthorized")
            return False
        for (method, beginning), status in self.state.refused.items():
            if self.command == method and path.startswith(beginning):
                self._fail(status, "Forbidden")
                return False
        for beginning, body in self.state.bodies.items():
            if path.startswith(beginning):
                self._bytes(200, body)
                return False
        return True

    def _list(self, kind: str, api_version: str, query: dict[str, list[str]]) -> None:
        wanted = dict(part.split("=") for part in query["labelSelector"][0].split(","))
        found = [
            {key: value for key, value in one.items() if key not in ("apiVersion", "kind")}
            for one in self.state.objects.values()
            if one["kind"] == kind and wanted.items() <= (one["metadata"].get("labels") or {}).items()
        ]
        start = int(query.get("continue", ["0"])[0])
        end = start + min(self.state.page_objects, int(query["limit"][0]))
        following = {"continue": str(end)} if end < len(found) else {}
        listing = {"kind": f"{kind}List", "apiVersion": api_version, "metadata": following, "items": found[start:end]}
        self._send(200, listing)

    def _fail(self, status: int, reason: str) -> None:
        self._send(status, {"kind": "Status", "status": "Failure", "reason": reason, "code": status})

    def _send(self, status: int, value: Json) -> None:
        self._bytes(status, json.dumps(value).encode())

    def _bytes(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _resources(kinds: dict[str, tuple[str, bool]]) -> list[Json]:
    whole = [{"name": plural, "kind": kind, "namespaced": inside} for kind, (plural, inside) in kinds.items()]
    parts = [{"name": f"{one['name']}/status", "kind": one["kind"], "namespaced": one["namespaced"]} for one in whole]
    return [*parts, *whole]


@contextmanager
def api_server() -> Iterator[ApiServer]:
    """A server on the loopback interface, for as long as the block runs."""
    state = ApiServer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"state": state}))
    state.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
