"""The vector database: the release, its sizes, and what the nodes of cluster services hold."""

from __future__ import annotations

from typing import Any

import pytest
from aws_templates import samples
from msgspec.structs import replace

from ai_on_eks.aws import qdrant_chart
from ai_on_eks.aws.addon_specs import VOLUMES, all_addons
from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.descriptors.platform import Capacity, CapacityStrategy, Platform
from ai_on_eks.descriptors.platform_monitoring import Monitoring, MonitoringKind
from ai_on_eks.descriptors.platform_vectors import VectorDatabase
from ai_on_eks.errors import InputError
from ai_on_eks.kube.manifests import platform_manifests
from ai_on_eks.kube.pod_security import why_not_restricted

WANTED = VectorDatabase(documents=1_000_000, dimensions=1024, pods=3, copies=2)


def platform(wanted: VectorDatabase | None = WANTED, **more: Any) -> Platform:
    plain: Platform = samples.deployment().platform
    return plain.model_copy(update={"vector_database": wanted, **more})


def test_nothing_is_installed_where_none_is_asked_for() -> None:
    plain = samples.deployment()
    assert "qdrant" not in [release.name for release in plain.helm_releases()]
    assert VOLUMES not in all_addons(plain.platform)
    assert "VectorClass" not in platform_manifests(plain.platform, None)


def test_the_release_is_pinned_and_comes_with_its_volumes() -> None:
    of = replace(samples.deployment(), platform=platform())
    (release,) = [one for one in of.helm_releases() if one.name == "qdrant"]

    assert (release.repository, release.version) == ("https://qdrant.github.io/qdrant-helm", "1.18.2")
    assert VOLUMES in all_addons(of.platform)
    manifests = platform_manifests(of.platform, None)
    assert release.values["persistence"]["storageClassName"] == manifests["VectorClass"]["metadata"]["name"]


def test_the_driver_of_volumes_is_installed_once() -> None:
    both = platform(monitoring=Monitoring(kind=MonitoringKind.IN_CLUSTER))
    assert [spec.name for spec in all_addons(both)].count(VOLUMES.name) == 1


def test_memory_and_disk_are_those_that_were_sized() -> None:
    values = qdrant_chart.values(WANTED, CapacityStrategy.MANAGED_NODE_GROUPS)
    needs = qdrant_chart.demand(WANTED)

    assert values["resources"]["requests"]["memory"] == values["resources"]["limits"]["memory"]
    assert values["resources"]["limits"]["memory"] == f"{needs.memory_bytes // 2**20}Mi"
    assert values["persistence"]["size"] == values["snapshotPersistence"]["size"] == f"{needs.disk_gib}Gi"
    assert values["config"]["storage"]["collection"]["replication_factor"] == 2
    assert values["replicaCount"] == 3


def test_the_chart_makes_pods_that_are_admitted_as_restricted() -> None:
    values = qdrant_chart.values(WANTED, CapacityStrategy.MANAGED_NODE_GROUPS)
    pod = {
        "securityContext": values["podSecurityContext"],
        "containers": [{"name": "qdrant", "securityContext": values["containerSecurityContext"]}],
    }
    assert why_not_restricted(pod) == ()
    # The chart's own init container runs as root, and is made unless this is off.
    assert values["updateVolumeFsOwnership"] is False
    (release,) = qdrant_chart.releases(platform())
    assert release.namespace_labels is not None
    assert release.namespace_labels["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize(("kind", "fits"), [("m7i.large", False), ("r7i.xlarge", True)])
def test_pods_that_the_nodes_do_not_hold_are_refused_with_what_would(kind: str, fits: bool) -> None:
    system_type = load_catalog("us-east-1").instance_type(kind)
    if fits:
        qdrant_chart.check_room(platform(), system_type)
        return
    with pytest.raises(InputError) as caught:
        qdrant_chart.check_room(platform(), system_type)
    (problem,) = caught.value.problems
    assert problem.code == "vector-database-too-large"
    assert "capacity.system_nodes.instance_type" in (problem.fix or "")


def test_auto_mode_starts_what_the_pods_need() -> None:
    auto = platform(capacity=Capacity(strategy=CapacityStrategy.AUTO_MODE))
    qdrant_chart.check_room(auto, load_catalog("us-east-1").instance_type("m7i.large"))
    assert "nodeSelector" not in qdrant_chart.values(WANTED, CapacityStrategy.AUTO_MODE)


def test_the_database_is_closed_but_for_its_callers_and_itself() -> None:
    manifests = platform_manifests(platform(), None)

    assert manifests["VectorDeny"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    spec = manifests["VectorPolicy"]["spec"]
    assert [sorted(port["port"] for port in rule["ports"]) for rule in spec["ingress"]] == [
        [6333, 6334],
        [6333],
        [6333, 6334, 6335],
    ]
    labels = [peer["namespaceSelector"]["matchLabels"] for peer in spec["ingress"][0]["from"]]
    assert labels == [{"kubernetes.io/metadata.name": "models"}, {"ai-on-eks/gateway": "true"}]
    assert all("ipBlock" not in peer for rule in spec["egress"] for peer in rule["to"])
