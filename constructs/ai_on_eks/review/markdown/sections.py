"""The sections of the comment, from a review."""

from __future__ import annotations

from collections.abc import Sequence

from ai_on_eks.review.allowed import Judged, can_be_named
from ai_on_eks.review.cost import Moved
from ai_on_eks.review.markdown.section import Block, Section
from ai_on_eks.review.markdown.text import code, dollars, duration, table
from ai_on_eks.review.markdown.verdict import cost_line, security_line
from ai_on_eks.review.objects import Rollout
from ai_on_eks.review.reviewing import Review
from ai_on_eks.units import counted

SHOWN_ENTRIES = 5
"""Of those that could be copied: whoever needs more names them by a star, or should not do it at all."""


def sections(review: Review) -> tuple[Section, ...]:
    """Most important first."""
    return (_destructive(review), _cost(review), _security(review), _placement(review), _kubernetes(review))


def _block(title: str, titles: tuple[str, ...], rows: Sequence[tuple[str, ...]], tail: tuple[str, ...] = ()) -> Block:
    if not rows:
        return Block("", (), (), tail)
    lines = table(titles, rows)
    return Block(title, tuple(lines[:2]), tuple(lines[2:]), tail)


def _destructive(review: Review) -> Section:
    rows = [_judged(one) for one in review.destruction]
    unused = tuple(
        f"- names nothing of this change: {code(f'{one.stack} {one.logical_id}')}, {code(one.reason)}"
        for one in review.unused
    )
    return Section(
        summary=f"Destructive: {len(review.blocking)} not allowed, {len(rows) - len(review.blocking)} allowed",
        blocks=(
            _block("", ("", "resource", "type", "what happens", "why", "allowed by"), rows),
            _entries(review.blocking),
            Block("Entries of allow-destroy.yaml without a use", (), unused) if unused else Block("", (), ()),
            Block("", ("Nothing is replaced, removed or renamed.",), ()) if not rows else Block("", (), ()),
        ),
        opened=review.is_blocked,
    )


def _entries(blocking: Sequence[Judged]) -> Block:
    """What would let the first ones through, for whoever means it to fill in; none of what no entry can name."""
    named = [one.destruction for one in blocking if can_be_named(one.destruction)][:SHOWN_ENTRIES]
    if not named:
        return Block("", (), ())
    head = ("Where this is meant, in `allow-destroy.yaml` at the top of the project:", "", "```yaml", "version: 1")
    entries = [
        line
        for one in named
        for line in (
            f"  - stack: {one.stack}",
            f"    logical_id: {one.logical_id}",
            "    release:    # that brings the change",
            "    reason:     # why it may go, and where its data is",
            "    expires:    # the last day on which this counts, as YYYY-MM-DD",
        )
    ]
    left_out = len(blocking) - len(named)
    more = (f"  # and {left_out:,} more; one `logical_id` may be a beginning and a star",) if left_out else ()
    return Block("", (*head, "allow_destroy:", *entries, *more, "```"), ())


def _judged(one: Judged) -> tuple[str, ...]:
    found = one.destruction
    perhaps = "" if found.certain else "perhaps "
    happens = f"{perhaps}{found.action.value}"
    if found.into:
        happens += f" to {code(found.into)}"
    happens += ", the old one stays in the account" if found.kept else ""
    happens += f"; affects: {found.affects}" if found.affects else ""
    reasons = [code(path) for path in found.properties]
    if found.cause:
        reasons.append(f"names {code(found.cause)}, which is replaced")
    reasons += [code(note) for note in found.notes]
    allowed = "–"
    if one.allowance is not None:
        until = f"expired {one.allowance.expires}" if one.expired else f"until {one.allowance.expires}"
        allowed = f"{code(one.allowance.reason)} ({code(one.allowance.release)}, {until})"
    return (
        "❌" if one.blocks else "✅",
        code(found.place),
        code(found.type),
        happens,
        "; ".join(reasons) or "–",
        allowed,
    )


def _cost(review: Review) -> Section:
    cost = review.cost
    changed = [line for line in cost.lines if line.changed]
    same = [line for line in cost.lines if not line.changed]
    titles = ("", "part", "before", "after", "difference", "counted")
    origin = (
        f"Prices of {' to '.join(map(code, cost.after.dates or ())) or 'no known date'}, "
        f"region {', '.join(map(code, cost.after.price_regions)) or 'unknown'}; 730 hours a month. "
        f"Without a known price: {', '.join(map(code, cost.after.unknown)) or 'nothing'}."
    )
    return Section(
        summary=f"Cost: {cost_line(review)}",
        blocks=(
            _block("Changed", titles, [_line(line) for line in changed]),
            _block("As before", titles, [_line(line) for line in same], (origin,)),
        ),
    )


def _line(line: Moved) -> tuple[str, ...]:
    sides = [None if side is None else dollars(side.usd_per_month) for side in (line.before, line.after)]
    counted_in = [side.basis for side in (line.before, line.after) if side is not None]
    by_use = [side.by_use for side in (line.before, line.after) if side is not None and side.by_use]
    shown = " → ".join(code(text) for text in dict.fromkeys(counted_in))
    return (
        line.group,
        code(line.name),
        sides[0] or "–",
        sides[1] or "–",
        dollars(line.delta_usd, signed=True) if line.changed else "–",
        f"{shown}; {by_use[-1]}" if by_use else shown,
    )


def _security(review: Review) -> Section:
    security = review.security
    found = [(code(one.scanner), code(one.rule), code(one.place), code(one.message)) for one in security.added]
    resolved = [(code(one.scanner), code(one.rule), code(one.place), code(one.message)) for one in security.resolved]
    permissions = [
        (
            code(one.service), code(one.action), code(one.resource), code(one.place),
            code(one.principal) if one.principal else "–", code(one.condition) if one.condition else "–",
        )
        for one in security.permissions
    ]  # fmt: skip
    finding = ("scanner", "rule", "where", "what")
    scanned = f"Compared: {', '.join(security.scanners)}."
    if security.silent:
        scanned += f" A side has no report of {', '.join(security.silent)}: unknown."
    return Section(
        summary=f"Security: {security_line(review)}",
        blocks=(
            _block("New findings", finding, found),
            _block("Openings", ("what",), [(code(one),) for one in security.openings]),
            _block("Permissions", ("service", "action", "resource", "policy", "principal", "condition"), permissions),
            _block("Images that no digest names", ("where and which",), [(code(one),) for one in security.unpinned]),
            _block("Findings that are gone", finding, resolved, (scanned,)),
        ),
    )


def _placement(review: Review) -> Section:
    if review.moves is None:
        missing = Block("", ("A side wrote no build/plan.json, so it is unknown which models move.",), ())
        return Section("Placement: unknown", (missing,))
    rows = [
        (
            code(move.model), move.change.value, code(move.before) if move.before else "–",
            code(move.after) if move.after else "–", "<br>".join(code(reason) for reason in move.reasons) or "–",
        )
        for move in review.moves
    ]  # fmt: skip
    return Section(
        summary=f"Placement: {counted(len(rows), 'model')} placed anew",
        blocks=(
            _block("", ("model", "", "before", "after", "what changed"), rows),
            Block("", (), ()) if rows else Block("", ("Every model stays where it is.",), ()),
        ),
    )


def _kubernetes(review: Review) -> Section:
    objects = review.objects
    rows = [
        (
            change.fate.value, code(change.kind), code("/".join(filter(None, (change.namespace, change.name)))),
            ", ".join(map(code, change.paths)) + (f" and {change.further} more" if change.further else "") or "–",
        )
        for change in objects.changes
    ]  # fmt: skip
    return Section(
        summary=(
            f"Kubernetes: {counted(len(rows), 'object')} changed, {counted(len(objects.rollouts), 'rollout')} "
            "of serving pods"
        ),
        blocks=(
            _block(
                "Rollouts",
                ("pods of", "replicas", "while they start", "ready after"),
                [_rollout(one) for one in objects.rollouts],
            ),
            _block("Objects", ("", "kind", "name", "where"), rows, _relabelled(objects.relabelled)),
            Block("", (), ()) if rows else Block("", ("No object changes.",), ()),
        ),
    )


def _relabelled(count: int) -> tuple[str, ...]:
    return (
        (f"{counted(count, 'more object')} carry the digest of another plan and differ in nothing else.",)
        if count
        else ()
    )


def _rollout(one: Rollout) -> tuple[str, ...]:
    meanwhile = {None: "unknown", True: "nothing answers", False: "others answer"}[one.interrupts]
    name = code(f"{one.kind} {one.namespace}/{one.name}")
    return (name, "unknown" if one.replicas is None else str(one.replicas), meanwhile, duration(one.seconds_to_ready))
