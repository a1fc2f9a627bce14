"""Nodes with Neuron devices: their chart, their user data, their disks."""

from __future__ import annotations

import pytest
from aws_templates import samples

from ai_on_eks.aws import neuron_chart
from ai_on_eks.aws.charts import node_releases
from ai_on_eks.aws.user_data import al2023_user_data
from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.catalog.schedulers import NEURON_SCHEDULER
from ai_on_eks.catalog.taints import taint_key
from ai_on_eks.catalog.types import InstanceType
from ai_on_eks.descriptors.platform import Cluster

ON_135 = samples.platform(cluster=Cluster(kubernetes_version="1.35"))


def kind(name: str) -> InstanceType:
    return load_catalog("us-east-1").instance_type(name)


def test_its_daemonsets_run_on_the_types_that_are_asked_for() -> None:
    requests = [samples.request(kind("trn2.3xlarge")), samples.request(kind("inf2.xlarge")), samples.request()]
    values = neuron_chart.values(samples.platform(), requests)
    assert values["neuronInstances"] == ["inf2.xlarge", "trn2.3xlarge"]


def test_plugin_and_detector_tolerate_the_taint_of_the_nodes() -> None:
    values = neuron_chart.values(samples.platform(), [samples.request(kind("trn1.32xlarge"))])
    expected = [{"key": taint_key(kind("trn1.32xlarge")), "operator": "Exists", "effect": "NoSchedule"}]
    assert values["devicePlugin"] == {"enabled": True, "tolerations": expected}
    assert values["npd"]["tolerations"] == expected


def test_the_second_scheduler_has_the_name_that_pods_use_and_the_version_of_the_cluster() -> None:
    scheduler = neuron_chart.values(ON_135, [samples.request(kind("inf2.xlarge"))])["scheduler"]
    assert scheduler["enabled"] is True
    assert scheduler["defaultScheduler"] == {"enabled": False}
    assert scheduler["customScheduler"]["fullnameOverride"] == NEURON_SCHEDULER
    assert scheduler["customScheduler"]["image"]["tag"].startswith("v1.35.")


def test_devices_have_one_owner_and_one_who_replaces_their_nodes() -> None:
    values = neuron_chart.values(samples.platform(), [samples.request(kind("inf2.xlarge"))])
    assert values["draDriver"] == {"enabled": False}
    assert values["npd"]["nodeRecovery"] == {"enabled": False}


def test_each_vendor_brings_its_own_chart() -> None:
    neuron, gpu, cpu = samples.request(kind("inf2.xlarge")), samples.request(), samples.request(samples.cpu_type())
    names = [[release.name for release in node_releases(ON_135, found)] for found in ([neuron, gpu], [neuron], [cpu])]
    assert names == [["gpu-operator", "neuron"], ["neuron"], []]


@pytest.mark.parametrize(("name", "cores"), [("trn2.48xlarge", 2), ("trn2.3xlarge", 2)])
def test_cores_that_work_as_one_are_written_down_where_plugin_and_runtime_read_them(name: str, cores: int) -> None:
    text = al2023_user_data(kind(name), local_disks=True)
    assert text is not None
    assert f"echo NEURON_LOGICAL_NC_CONFIG={cores} > /opt/aws/neuron/logical_nc_config" in text.splitlines()
    assert text.count("--BOUNDARY\n") == 2
    assert text.index("application/node.eks.aws") < text.index("text/x-shellscript")
    assert text.endswith("--BOUNDARY--\n")


@pytest.mark.parametrize("name", ["inf2.24xlarge", "trn1.32xlarge", "g6e.xlarge"])
def test_nothing_is_written_where_a_core_is_a_core(name: str) -> None:
    assert al2023_user_data(kind(name), local_disks=False) is None
