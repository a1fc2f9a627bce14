"""What a collector in the cluster reads: found by its labels, and there only where a collector is."""

from __future__ import annotations

import json

import pytest
import yaml
from kube_samples import platform, workload

from ai_on_eks.catalog.daemonsets import load_daemonsets
from ai_on_eks.descriptors.platform import Capacity, CapacityStrategy, Platform
from ai_on_eks.descriptors.platform_monitoring import Monitoring, MonitoringKind
from ai_on_eks.errors import InputError
from ai_on_eks.kube.manifests import model_manifests, monitoring_manifests
from ai_on_eks.kube.quantity import parse_quantity
from ai_on_eks.kube.render import render_manifests

IN_CLUSTER = platform(monitoring=Monitoring(kind=MonitoringKind.IN_CLUSTER))
MANAGED = platform(monitoring=Monitoring(kind=MonitoringKind.MANAGED))
LLAMA = workload(engine="vllm", usd_per_hour=1.0)


def test_the_pods_metrics_are_collected_under_the_model_s_name() -> None:
    monitor = model_manifests(workload(metrics_port=9000), monitored=True)["PodMonitor"]
    assert monitor["metadata"]["labels"]["release"] == "kube-prometheus-stack"
    assert monitor["spec"]["selector"] == {"matchLabels": {"ai-on-eks/model": "llama"}}
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert (endpoint["port"], endpoint["path"]) == ("metrics", "/metrics")
    assert endpoint["relabelings"] == [{"targetLabel": "model", "replacement": "llama", "action": "replace"}]


def test_without_a_collector_there_is_no_object_of_its_kinds() -> None:
    assert "PodMonitor" not in model_manifests(LLAMA)
    assert monitoring_manifests(platform(), [LLAMA]) == {}


def test_an_agent_finds_pods_and_judges_no_rules() -> None:
    assert monitoring_manifests(MANAGED, [LLAMA]) == {}
    assert "kind: PodMonitor" in render_manifests([LLAMA], MANAGED)["llama.yaml"]


def test_alarms_and_dashboard_are_a_file_of_their_own() -> None:
    files = render_manifests([LLAMA], IN_CLUSTER)
    assert list(files) == ["platform.yaml", "llama.yaml", "monitoring.yaml"]
    volume_class, rule, dashboard = yaml.safe_load_all(files["monitoring.yaml"])
    assert volume_class["parameters"]["encrypted"] == "true"
    assert (rule["metadata"]["namespace"], rule["metadata"]["labels"]["release"]) == (
        "monitoring",
        "kube-prometheus-stack",
    )
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert json.loads(dashboard["data"]["ai-on-eks.json"])["title"] == "Models on demo"


def test_a_model_cannot_take_the_file_s_name() -> None:
    with pytest.raises(InputError, match=r"monitoring\.yaml is a file of the platform"):
        render_manifests([workload(name="monitoring")], platform())


NEURON_TERM = {
    "matchExpressions": [{"key": "node.kubernetes.io/instance-type", "operator": "In", "values": ["inf2.xlarge"]}]
}
NEURON_POD = {
    "affinity": {
        "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [NEURON_TERM]}}
    },
    "containers": [{"name": "engine", "resources": {"limits": {"aws.amazon.com/neuron": "1"}}}],
}


@pytest.mark.parametrize("on", [IN_CLUSTER, MANAGED], ids=["in-cluster", "managed"])
def test_neuron_s_monitor_lies_where_models_with_neuron_devices_may(on: Platform) -> None:
    manifests = monitoring_manifests(
        on, [LLAMA, workload(name="neuron", pod_spec=NEURON_POD, device_monitor="mirror.example/neuron-monitor:1")]
    )
    pod = manifests["NeuronMonitor"]["spec"]["template"]["spec"]
    required = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert required == {"nodeSelectorTerms": [NEURON_TERM]}
    resources = pod["containers"][0]["resources"]
    (set_aside,) = [one for one in load_daemonsets() if one.name == "neuron-monitor"]
    assert parse_quantity(resources["requests"]["memory"]) == set_aside.memory_bytes
    assert parse_quantity(resources["requests"]["cpu"]) * 1000 == set_aside.cpu_millicores
    assert resources["limits"] == {"memory": resources["requests"]["memory"]}
    assert pod["containers"][0]["image"] == "mirror.example/neuron-monitor:1"
    monitor = manifests["NeuronPodMonitor"]
    assert monitor["metadata"]["labels"]["release"] == "kube-prometheus-stack"
    labels = manifests["NeuronMonitor"]["spec"]["template"]["metadata"]["labels"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_without_neuron_devices_there_is_no_such_monitor() -> None:
    assert "NeuronMonitor" not in monitoring_manifests(IN_CLUSTER, [LLAMA])


@pytest.mark.parametrize(
    ("strategy", "driver"),
    [
        (CapacityStrategy.MANAGED_NODE_GROUPS, "ebs.csi.aws.com"),
        (CapacityStrategy.AUTO_MODE, "ebs.csi.eks.amazonaws.com"),
    ],
)
def test_volumes_come_from_the_driver_that_the_nodes_have(strategy: CapacityStrategy, driver: str) -> None:
    on = platform(monitoring=Monitoring(kind=MonitoringKind.IN_CLUSTER), capacity=Capacity(strategy=strategy))
    assert monitoring_manifests(on, [LLAMA])["VolumeClass"]["provisioner"] == driver
