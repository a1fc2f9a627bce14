"""Names of the files that objects are rendered to."""

from __future__ import annotations

from ai_on_eks.serving.types import Workload

PLATFORM_FILE = "platform.yaml"
MONITORING_FILE = "monitoring.yaml"


def file_name(workload: Workload) -> str:
    """The file that holds the model's objects."""
    return f"{workload.name}.yaml"
