"""Reservations whose time has not come, is nearly over, or is over: plans count their nodes as free all the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from ai_on_eks.cli.loading import LoadedPlatform
from ai_on_eks.descriptors.platform import Reservation, ReservedCapacity
from ai_on_eks.errors import Problem

ENDS_SOON = timedelta(days=3)
"""Time to buy the next one: a capacity block can be had within hours to weeks, or not at all. An assumption."""


def now() -> datetime:
    return datetime.now(UTC)


def reservation_findings(target: LoadedPlatform, at: datetime) -> list[Problem]:
    """What is to be known of the platform's reservations at a moment, in the file's order."""
    return [
        replace(problem, file=target.file, path=f"capacity.reservations[{index}].{problem.path}")
        for index, reservation in enumerate(target.platform.capacity.reservations)
        for problem in (*_start(reservation, at), *_end(reservation, at))
    ]


def reservation_warnings(target: LoadedPlatform, at: datetime) -> tuple[str, ...]:
    """The same in a line each, for commands that go on all the same."""
    return tuple(f"{problem.path}: {problem.message}: {problem.fix}" for problem in reservation_findings(target, at))


def _start(reservation: Reservation, at: datetime) -> Iterator[Problem]:
    if reservation.starts is not None and at < datetime.fromisoformat(reservation.starts):
        yield Problem(
            code="reservation-not-started",
            message=f"{reservation.id} starts at {reservation.starts}, and no node can be started in it before",
            path="starts",
            value=reservation.starts,
            fix="deploy the capacity stack after that",
        )


def _end(reservation: Reservation, at: datetime) -> Iterator[Problem]:
    if reservation.ends is None:
        if reservation.capacity_type is ReservedCapacity.CAPACITY_BLOCK:
            yield Problem(
                code="reservation-without-end",
                message=f"{reservation.id} is a capacity block without an end, so nothing drains its nodes in time",
                path="ends",
                fix="write the end date that EC2 shows",
            )
        return
    left = datetime.fromisoformat(reservation.ends) - at
    if left <= timedelta(0):
        yield Problem(
            code="reservation-over",
            message=f"{reservation.id} ended at {reservation.ends}",
            path="ends",
            value=reservation.ends,
            fix="remove it, and name the one that follows",
        )
    elif left <= ENDS_SOON:
        yield Problem(
            code="reservation-ends-soon",
            message=f"{reservation.id} ends at {reservation.ends}, in {_hours(left)}",
            path="ends",
            value=reservation.ends,
            fix="name the reservation that follows beside it",
        )


def _hours(left: timedelta) -> str:
    hours = int(left.total_seconds()) // 3600
    return f"{hours} hour{'' if hours == 1 else 's'}"
