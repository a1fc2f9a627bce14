"""A Helm release as plain data, for the cluster or for a file. Imports no CDK, so the command line may read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

Json = dict[str, Any]

OCI_SCHEME = "oci://"

PRIVILEGED_NAMESPACE: Mapping[str, str] = {
    f"pod-security.kubernetes.io/{mode}": "privileged" for mode in ("audit", "enforce", "warn")
}
"""Labels of a namespace whose DaemonSets mount the host; no other namespace may have such pods."""


@dataclass(frozen=True, slots=True)
class HelmRelease:
    """One chart at one version with our values. `namespace_labels` are set before anything is installed.

    repository  an index of charts by https, or a registry path by oci that `chart` completes
    """

    name: str
    repository: str
    chart: str
    version: str
    namespace: str
    namespace_labels: Mapping[str, str]
    values: Json

    @property
    def source(self) -> str:
        """Where Helm pulls from: a registry holds one chart under each path."""
        return f"{self.repository}/{self.chart}" if self.repository.startswith(OCI_SCHEME) else self.repository

    def namespace_manifest(self) -> Json:
        """The Namespace object the release goes into."""
        return {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": self.namespace, "labels": dict(sorted(self.namespace_labels.items()))},
        }

    def to_yaml(self) -> str:
        """The release as a document a person or a GitOps tool can install from."""
        document = {
            "repository": self.repository,
            "chart": self.chart,
            "version": self.version,
            "release": self.name,
            "namespace": self.namespace,
            "namespaceLabels": dict(sorted(self.namespace_labels.items())),
            "values": self.values,
        }
        return yaml.safe_dump(document, sort_keys=False, default_flow_style=False)
