from __future__ import annotations

from aws_templates import samples

from ai_on_eks.aws import prometheus_chart
from ai_on_eks.descriptors.platform_monitoring import Monitoring, MonitoringKind


def test_the_exporters_of_either_chart_are_found_by_their_labels_and_port() -> None:
    """The chart's own collector looks for objects with its release's name alone: others are never scraped."""
    platform = samples.platform(monitoring=Monitoring(kind=MonitoringKind.IN_CLUSTER))
    release = prometheus_chart.release(platform, None)
    monitors = release.values["prometheus"]["additionalPodMonitors"]
    assert [one["selector"]["matchLabels"] for one in monitors] == [
        {"app": "nvidia-dcgm-exporter"},
        {"app.kubernetes.io/name": "dcgm-exporter"},
    ]
    for one in monitors:
        assert [endpoint["portNumber"] for endpoint in one["podMetricsEndpoints"]] == [9400]
        assert one["namespaceSelector"] == {"any": True}
        assert one["additionalLabels"] == {"release": release.name}
