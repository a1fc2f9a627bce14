"""EKS add-ons: what every cluster of ours runs beside its models.

Two groups, because of what waits for what:

    control plane -> NodeAddons -> nodes become ready -> ClusterAddons become active

A node without a network plugin never becomes ready, and CoreDNS without a node never becomes active; in one group
CloudFormation would wait for ever in one direction or the other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from constructs import Construct

from ai_on_eks.aws.pod_identity import pod_identity_role
from ai_on_eks.descriptors.platform import CapacityStrategy
from ai_on_eks.placement.node_owners import nodes_bring_add_on


@dataclass(frozen=True, slots=True)
class AddonSpec:
    """One add-on and the IAM permissions of its service account.

    There is no version field: EKS then installs its default for the cluster's Kubernetes version and keeps it until
    someone asks for another. A version string that is not in EKS's list for that Kubernetes version fails the
    deployment, and that list can only be read with credentials.
    """

    name: str
    configuration: Mapping[str, object] = field(default_factory=dict)
    service_account: str | None = None
    managed_policy: str | None = None


POD_IDENTITY_AGENT = AddonSpec("eks-pod-identity-agent")

NODE_ADDONS = (
    POD_IDENTITY_AGENT,
    AddonSpec("kube-proxy"),
    AddonSpec(
        "vpc-cni",
        # Prefix delegation stays off: it changes how many pods a node takes, and the catalogue's allocatable memory
        # is computed from the interface limit.
        configuration={"enableNetworkPolicy": "true"},
        service_account="aws-node",
        managed_policy="AmazonEKS_CNI_Policy",
    ),
)
"""Sorted so that each add-on stands after what it needs: the CNI reads its credentials from the agent."""

CLUSTER_ADDONS = (AddonSpec("coredns"), AddonSpec("eks-node-monitoring-agent"))
"""The monitoring agent tells node repair of a broken accelerator; without it only a dead kubelet is noticed."""


VOLUMES_ADDON = AddonSpec(
    "aws-ebs-csi-driver",
    service_account="ebs-csi-controller-sa",
    managed_policy="service-role/AmazonEBSCSIDriverPolicy",
)
"""Volumes for what keeps data in the cluster; models keep none."""


def needed_addons(specs: Sequence[AddonSpec], strategy: CapacityStrategy) -> tuple[AddonSpec, ...]:
    """Those of the add-ons that the strategy's nodes do not bring themselves."""
    return tuple(spec for spec in specs if not nodes_bring_add_on(strategy, spec.name))


class EksAddon(Construct):
    """One EKS add-on, with its own IAM role by Pod Identity where it needs one."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's name
        *,
        spec: AddonSpec,
        cluster: eks.ICluster,
    ) -> None:
        super().__init__(scope, id)
        self.resource = eks.CfnAddon(
            self,
            "Resource",
            addon_name=spec.name,
            cluster_name=cluster.cluster_name,
            configuration_values=json.dumps(spec.configuration, sort_keys=True) if spec.configuration else None,
            pod_identity_associations=self._associations(spec, cluster),
            resolve_conflicts="OVERWRITE",  # the template is the truth, not what someone edited in the cluster
        )

    def _associations(
        self, spec: AddonSpec, cluster: eks.ICluster
    ) -> list[eks.CfnAddon.PodIdentityAssociationProperty] | None:
        if spec.service_account is None or spec.managed_policy is None:
            return None
        role = pod_identity_role(
            self, "Role", cluster=cluster, namespace="kube-system", service_account=spec.service_account
        )
        role.add_managed_policy(iam.ManagedPolicy.from_aws_managed_policy_name(spec.managed_policy))
        return [
            eks.CfnAddon.PodIdentityAssociationProperty(service_account=spec.service_account, role_arn=role.role_arn)
        ]


class NodeAddons(Construct):
    """The add-ons nodes wait for, each after the one before it; none where nodes bring them."""

    def __init__(self, scope: Construct, id: str, *, cluster: eks.ICluster, strategy: CapacityStrategy) -> None:  # noqa: A002 - CDK's name
        super().__init__(scope, id)
        specs = needed_addons(NODE_ADDONS, strategy)
        self.addons = tuple(EksAddon(self, spec.name, spec=spec, cluster=cluster) for spec in specs)
        for earlier, later in zip(self.addons, self.addons[1:], strict=False):
            later.node.add_dependency(earlier)


class ClusterAddons(Construct):
    """The add-ons that wait for nodes; deploy them after the system nodes."""

    def __init__(self, scope: Construct, id: str, *, cluster: eks.ICluster, strategy: CapacityStrategy) -> None:  # noqa: A002 - CDK's name
        super().__init__(scope, id)
        specs = needed_addons(CLUSTER_ADDONS, strategy)
        self.addons = tuple(EksAddon(self, spec.name, spec=spec, cluster=cluster) for spec in specs)
