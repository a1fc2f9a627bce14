"""AWS::EKS::Cluster, its add-ons and access entries."""

from __future__ import annotations

from collections.abc import Iterator

from ai_on_eks.catalog.versions import kubernetes_versions
from ai_on_eks.review.rules.assembly import Resource
from ai_on_eks.review.rules.facts import eks_names, nearest
from ai_on_eks.review.rules.rule import Rule
from ai_on_eks.review.rules.values import Unknown, dig, is_known, items

LOG_TYPES = frozenset({"api", "audit", "authenticator", "controllerManager", "scheduler"})
RESERVED_GROUP_PREFIXES = ("system:", "eks:", "aws:", "amazon:", "iam:")


def _endpoint_open(cluster: Resource) -> Iterator[str]:
    network = cluster.get("ResourcesVpcConfig")
    public = dig(network, "EndpointPublicAccess")
    if isinstance(network, Unknown) or public in (False, "false") or isinstance(public, Unknown):
        return
    cidrs = dig(network, "PublicAccessCidrs")
    for cidr in [*items(cidrs)] if cidrs else ["0.0.0.0/0"]:
        if isinstance(cidr, str) and cidr.endswith("/0"):
            yield f"the cluster endpoint is open to {cidr}"


def _endpoint_private_off(cluster: Resource) -> Iterator[str]:
    network = cluster.get("ResourcesVpcConfig")
    private = dig(network, "EndpointPrivateAccess")
    if private in (None, False, "false") and not isinstance(network, Unknown):
        yield "nodes reach the control plane through the public endpoint"


def _logs(cluster: Resource) -> Iterator[str]:
    types = cluster.get("Logging", "ClusterLogging", "EnabledTypes")
    if isinstance(types, Unknown) or not is_known(items(types)):
        return
    missing = LOG_TYPES - {dig(item, "Type") for item in items(types)}
    if missing:
        yield f"control-plane logs are off: {', '.join(sorted(missing))}"


def _secrets_key(cluster: Resource) -> Iterator[str]:
    if not cluster.get("EncryptionConfig"):
        yield "secrets are not encrypted with a key of the account"


def _deletable(cluster: Resource) -> Iterator[str]:
    protection = cluster.get("DeletionProtection")
    if protection not in (True, "true") and not isinstance(protection, Unknown):
        yield "deletion protection is off"


def _authentication(cluster: Resource) -> Iterator[str]:
    mode = cluster.get("AccessConfig", "AuthenticationMode")
    if mode != "API" and not isinstance(mode, Unknown):
        yield f"the authentication mode is {mode or 'left to EKS'}"


def _creator_admin(cluster: Resource) -> Iterator[str]:
    creator = cluster.get("AccessConfig", "BootstrapClusterCreatorAdminPermissions")
    if creator not in (False, "false") and not isinstance(creator, Unknown):
        yield "whoever creates the cluster stays its administrator"


def _version(cluster: Resource) -> Iterator[str]:
    version = cluster.get("Version")
    if version is None:
        yield "EKS would choose the Kubernetes version"
    elif is_known(version) and str(version) not in kubernetes_versions():
        yield f"EKS has no Kubernetes {version} in standard support, but {', '.join(kubernetes_versions())}"


def _auto_mode(cluster: Resource) -> Iterator[str]:
    """The three blocks are on or off together; EKS rejects anything else."""
    blocks = {
        "ComputeConfig": cluster.get("ComputeConfig", "Enabled"),
        "KubernetesNetworkConfig.ElasticLoadBalancing": cluster.get(
            "KubernetesNetworkConfig", "ElasticLoadBalancing", "Enabled"
        ),
        "StorageConfig.BlockStorage": cluster.get("StorageConfig", "BlockStorage", "Enabled"),
    }
    if any(isinstance(value, Unknown) for value in blocks.values()):
        return
    on = [name for name, value in blocks.items() if value in (True, "true")]
    if on and len(on) < len(blocks):
        yield f"{', '.join(on)} is on, {', '.join(name for name in blocks if name not in on)} is not"
    if not on:
        return
    pools = cluster.get("ComputeConfig", "NodePools")
    role = cluster.get("ComputeConfig", "NodeRoleArn")
    if items(pools) and role is None:
        yield "built-in node pools are on without NodeRoleArn"
    if role is not None and pools is not None and not items(pools) and not isinstance(pools, Unknown):
        yield "NodeRoleArn is given without a built-in node pool"


def _auto_mode_pools(cluster: Resource) -> Iterator[str]:
    known = eks_names("auto_mode_node_pools")
    for pool in items(cluster.get("ComputeConfig", "NodePools")):
        if isinstance(pool, str) and is_known(pool) and pool not in known:
            yield f"Auto Mode has no node pool {pool}{nearest(pool, known)}"


def _addon_name(addon: Resource) -> Iterator[str]:
    name = addon.get("AddonName")
    known = eks_names("addons")
    # Add-ons of the marketplace are named vendor_product; the list is of those from AWS and the community.
    if isinstance(name, str) and is_known(name) and "_" not in name and name not in known:
        yield f"EKS has no add-on {name}{nearest(name, known)}"


def _addon_twice(addon: Resource) -> Iterator[str]:
    same = [
        other
        for other in addon.template.assembly.of_type("AWS::EKS::Addon")
        if is_known(addon.get("AddonName")) and other.get("AddonName") == addon.get("AddonName")
        if _cluster_of(other) == _cluster_of(addon)
    ]
    if len(same) > 1 and same[0] is not addon:
        yield f"{addon.get('AddonName')} is already installed by {same[0].name}"


def _cluster_of(addon: Resource) -> str:
    """As written: two references to one cluster from two templates may differ, but only one cluster is exported."""
    return "reference" if not is_known(addon.get("ClusterName")) else str(addon.get("ClusterName"))


def _access_group(entry: Resource) -> Iterator[str]:
    for group in items(entry.get("KubernetesGroups")):
        if isinstance(group, str) and group.startswith(RESERVED_GROUP_PREFIXES):
            yield f"the group {group} is reserved and the entry is rejected"


_CLUSTER = ("AWS::EKS::Cluster",)

RULES = (
    Rule(
        "eks-endpoint-open", _CLUSTER, "the cluster endpoint is open to every address",
        "CloudFormation's default is a public endpoint, and neither cdk-nag nor checkov sees it on `aws_eks_v2`.",
        "set EndpointPublicAccess to false or name networks in PublicAccessCidrs", _endpoint_open,
    ),
    Rule(
        "eks-endpoint-not-private", _CLUSTER, "the endpoint inside the VPC is off",
        "Nodes then reach the control plane over the internet and fail in private subnets.",
        "set EndpointPrivateAccess to true", _endpoint_private_off,
    ),
    Rule(
        "eks-logs-missing", _CLUSTER, "one of the five control-plane logs is off",
        "Without them nobody can tell afterwards who did what, or why a pod was not scheduled.",
        "turn on all five", _logs,
    ),
    Rule(
        "eks-secrets-key-missing", _CLUSTER, "no key of the account encrypts Kubernetes secrets",
        "The key cannot be added to a running cluster without replacing it.", "set EncryptionConfig", _secrets_key,
    ),
    Rule(
        "eks-deletable", _CLUSTER, "deletion protection is off",
        "A failed or renamed stack deletes the cluster and everything on it.", "set DeletionProtection", _deletable,
    ),
    Rule(
        "eks-authentication-mode", _CLUSTER, "access is not by access entries alone",
        "The aws-auth ConfigMap grants access that no template shows.",
        "set AccessConfig.AuthenticationMode to API", _authentication,
    ),
    Rule(
        "eks-creator-admin", _CLUSTER, "the creator is made an administrator",
        "The role that deploys keeps full access that no access entry shows.",
        "set BootstrapClusterCreatorAdminPermissions to false", _creator_admin,
    ),
    Rule(
        "eks-version-unknown", _CLUSTER, "the Kubernetes version is missing or not in EKS standard support",
        "No checker knows which versions exist: the deployment fails half-way, or pays for extended support.",
        "name a version under support", _version,
    ),
    Rule(
        "eks-auto-mode-half", _CLUSTER, "Auto Mode is on in some of its three blocks, or its pools and role disagree",
        "EKS rejects the cluster: compute, load balancing and block storage are switched together.",
        "turn all three on or off; give NodePools and NodeRoleArn together", _auto_mode,
    ),
    Rule(
        "eks-auto-mode-pool-unknown", _CLUSTER, "a built-in node pool that Auto Mode does not have",
        "There are two, general-purpose and system; others are NodePool objects.",
        "use a built-in name or a NodePool object", _auto_mode_pools,
    ),
    Rule(
        "eks-addon-unknown", ("AWS::EKS::Addon",), "an add-on that EKS does not have",
        "No schema lists the names; the deployment fails.", "use a name of `aws eks describe-addon-versions`",
        _addon_name,
    ),
    Rule(
        "eks-addon-twice", ("AWS::EKS::Addon",), "one add-on is installed twice",
        "The second creation fails, as with the Pod Identity agent that some constructs add on their own.",
        "remove one of the two", _addon_twice,
    ),
    Rule(
        "eks-access-group-reserved", ("AWS::EKS::AccessEntry",), "an access entry names a reserved group",
        "EKS rejects groups such as system:masters.", "use an access policy or a group of your own", _access_group,
    ),
)  # fmt: skip
