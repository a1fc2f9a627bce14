"""All rules, by what they read. Described for readers in docs/rules.md."""

from __future__ import annotations

from ai_on_eks.review.rules import (
    autoscaling,
    cluster,
    events,
    group_rules,
    helm,
    identity,
    job_rules,
    karpenter,
    kserve_rules,
    launch_templates,
    lustre,
    network,
    node_groups,
    node_pools,
    node_starts,
    object_rules,
    ownership_rules,
    pod_rules,
    ray_rules,
    retention,
    serving_rules,
    storage,
    traffic,
    volumes,
)  # fmt: skip
from ai_on_eks.review.rules.rule import Rule

GROUPS: tuple[tuple[str, tuple[Rule, ...]], ...] = (
    ("Cluster", cluster.RULES),
    ("Node groups", node_groups.RULES),
    ("Start of nodes", node_starts.RULES),
    ("Launch templates and EFA", launch_templates.RULES),
    ("Network", network.RULES),
    ("FSx for Lustre", lustre.RULES),
    ("Other storage", storage.RULES),
    ("Retention", retention.RULES),
    ("Identity", identity.RULES),
    ("Events", events.RULES),
    ("Helm releases", helm.RULES),
    ("Karpenter", karpenter.RULES),
    ("Node pools and classes", node_pools.RULES),
    ("Pods", pod_rules.RULES),
    ("Pods with accelerators", serving_rules.RULES),
    ("Groups of pods", group_rules.RULES),
    ("Objects around pods", object_rules.RULES),
    ("Metrics and ownership", ownership_rules.RULES),
    ("Clusters of Ray", ray_rules.RULES),
    ("Objects of KServe", kserve_rules.RULES),
    ("Autoscaling", autoscaling.RULES),
    ("Jobs and queues", job_rules.RULES),
    ("Traffic", traffic.RULES),
    ("Volumes", volumes.RULES),
)
"""Title and rules, in the order of the documentation."""

RULES: tuple[Rule, ...] = tuple(rule for _, rules in GROUPS for rule in rules)
