"""A Helm release as plain data, for the cluster or for a file. Imports no CDK, so the command line may read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml
from msgspec import Struct

from ai_on_eks.catalog.versions import OCI_SCHEME, chart

Json = dict[str, Any]

CHART_LOCK_FILE = "charts.lock.yaml"
"""Which archive stood behind each chart's version (`ai_on_eks.serving.chart_lock`), beside the platform file."""

PRIVILEGED_NAMESPACE: Mapping[str, str] = {
    f"pod-security.kubernetes.io/{mode}": "privileged" for mode in ("audit", "enforce", "warn")
}
"""Labels of a namespace whose DaemonSets mount the host; no other namespace may have such pods."""


class _Dumper(yaml.SafeDumper):
    """Without anchors, which other readers, ours among them, do not take."""

    def ignore_aliases(self, data: object) -> bool:
        return True


class HelmRelease(Struct, frozen=True):
    """One chart at one version with our values.

    repository        an index of charts by https, or a registry path by oci that `chart` completes
    namespace_labels  set before anything is installed; None where another release makes the namespace
    after             names of the releases that have to be there first
    """

    name: str
    repository: str
    chart: str
    version: str
    namespace: str
    namespace_labels: Mapping[str, str] | None
    values: Json
    after: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """Where Helm pulls from: a registry holds one chart under each path."""
        return f"{self.repository}/{self.chart}" if self.repository.startswith(OCI_SCHEME) else self.repository

    def namespace_manifest(self) -> Json | None:
        """The Namespace object the release goes into; None where another release makes it."""
        if self.namespace_labels is None:
            return None
        return {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": self.namespace, "labels": dict(sorted(self.namespace_labels.items()))},
        }

    def to_yaml(self) -> str:
        """The release as a document a person or a GitOps tool can install from."""
        document: Json = {
            "repository": self.repository,
            "chart": self.chart,
            "version": self.version,
            "release": self.name,
            "namespace": self.namespace,
        }
        if self.namespace_labels is not None:
            document["namespaceLabels"] = dict(sorted(self.namespace_labels.items()))
        if self.after:
            document["after"] = list(self.after)
        document["values"] = self.values
        return yaml.dump(document, Dumper=_Dumper, sort_keys=False, default_flow_style=False)


def pinned_release(
    chart_name: str,
    *,
    namespace: str,
    namespace_labels: Mapping[str, str] | None,
    values: Json,
    name: str | None = None,
    after: tuple[str, ...] = (),
) -> HelmRelease:
    """A release of a chart at the version that versions.json pins, the one whose keys were read. `name` is the chart's
    own unless another is given."""
    repository, version = chart(chart_name)
    return HelmRelease(
        name=name or chart_name,
        repository=repository,
        chart=chart_name,
        version=version,
        namespace=namespace,
        namespace_labels=namespace_labels,
        values=values,
        after=after,
    )
