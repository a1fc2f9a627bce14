"""`cluster.add_ons` of the platform file. Defaults stand here and nowhere else."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from ai_on_eks.descriptors import patterns
from ai_on_eks.descriptors.schema import Strict

AddOnVersion = Annotated[str, StringConstraints(pattern=patterns.ADD_ON_VERSION.expression)]


class AddOns(Strict):
    """EKS add-ons beside those that every cluster needs: vpc-cni, kube-proxy, coredns and the Pod Identity agent."""

    node_monitoring: bool = Field(
        default=True, description="eks-node-monitoring-agent: tells node repair of a broken accelerator"
    )
    metrics_server: bool = Field(
        default=False, description="metrics-server: CPU and memory of pods, for `kubectl top` and scaling by them"
    )
    versions: dict[str, AddOnVersion] = Field(
        default_factory=dict,
        description="by add-on, a version to pin; left out, EKS installs its default for the Kubernetes version and "
        "keeps it, because which builds exist can only be asked for with credentials",
    )
