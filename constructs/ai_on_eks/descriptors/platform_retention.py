"""`retention` of the platform file: how long records are kept. Defaults stand here and nowhere else."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ai_on_eks.descriptors.schema import Strict

LogDays = Literal[30, 90, 180, 365, 731, 1827, 3653]
"""Some of the periods that CloudWatch Logs takes (PutRetentionPolicy, 2026-11)."""


class Retention(Strict):
    """How long records and replaced files are kept."""

    control_plane_logs_days: LogDays = Field(
        default=365, description="days that the control plane's logs are kept; questions about access are asked late"
    )
    flow_logs_days: LogDays = Field(default=90, description="days that records of who talked to whom are kept")
    replaced_weights_days: int = Field(
        default=30, ge=1, le=3650, description="days that an overwritten or deleted file of the model bucket can be had"
    )
