"""Names that the collector, the objects it looks for and the rules about them have to agree on."""

from __future__ import annotations

NAMESPACE = "monitoring"
"""Of the collector; the only one besides the gateway's that reaches a metrics port."""

RELEASE = "kube-prometheus-stack"
"""The chart's release. Its collector takes up only objects that carry the release's name as a label; without it they
are there and nothing is measured."""

RELEASE_LABELS = {"release": RELEASE}

VOLUME_CLASS = "ai-on-eks-gp3"
"""StorageClass of the metrics that are kept in the cluster."""

MODEL = "model"
"""Label of every series of a model: its name on the platform. An engine's own label of this name is kept as
`exported_model`."""
