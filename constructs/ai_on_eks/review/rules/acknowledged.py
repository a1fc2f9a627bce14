"""Findings that are meant, each with its reason."""

from __future__ import annotations

from fnmatch import fnmatchcase

from msgspec import Struct


class Acknowledgement(Struct, frozen=True):
    """One finding that stays. `path` is a shell pattern for the finding's path (`Resources.Bucket*`)."""

    code: str
    path: str
    reason: str

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise ValueError(f"{self.code} at {self.path} is acknowledged without a reason")

    def covers(self, code: str, path: str | None) -> bool:
        """Whether a finding is this one."""
        return code == self.code and fnmatchcase(path or "", self.path)


ACKNOWLEDGED: tuple[Acknowledgement, ...] = ()
"""What `make synth` lets pass. Nothing of ours needs it; your own findings go here, each with its reason."""
