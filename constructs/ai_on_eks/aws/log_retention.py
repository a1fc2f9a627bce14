"""The days of the platform file as CDK names them."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import aws_logs as logs

from ai_on_eks.descriptors.platform_retention import LogDays

RETENTION: Mapping[LogDays, logs.RetentionDays] = {
    30: logs.RetentionDays.ONE_MONTH,
    90: logs.RetentionDays.THREE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
    731: logs.RetentionDays.TWO_YEARS,
    1827: logs.RetentionDays.FIVE_YEARS,
    3653: logs.RetentionDays.TEN_YEARS,
}
