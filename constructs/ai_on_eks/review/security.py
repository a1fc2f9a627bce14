"""What a change does to security: new findings of every scanner, permissions, openings, images without a digest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from msgspec import Struct

from ai_on_eks.errors import Problem
from ai_on_eks.review.create_only import REGION
from ai_on_eks.review.linting import SCANNER, lint_changed
from ai_on_eks.review.openings import added_openings
from ai_on_eks.review.rules.acknowledged import ACKNOWLEDGED
from ai_on_eks.review.rules.assembly import Assembly
from ai_on_eks.review.rules.checking import findings
from ai_on_eks.review.rules.pods import expand
from ai_on_eks.review.rules.values import dig
from ai_on_eks.review.side import Side
from ai_on_eks.review.statements import Permission, added_permissions

OWN_RULES = "ai-on-eks rules"
REPORTED = "CDK's validation and its plugins"


class Finding(Struct, frozen=True):
    """What a scanner says of one place."""

    scanner: str
    rule: str
    place: str
    message: str


class SecurityChange(Struct, frozen=True):
    """`scanners` names those that looked at both sides, `silent` those whose report a side lacks."""

    added: tuple[Finding, ...]
    resolved: tuple[Finding, ...]
    permissions: tuple[Permission, ...]
    openings: tuple[str, ...]
    unpinned: tuple[str, ...]
    scanners: tuple[str, ...]
    silent: tuple[str, ...]


def security_change(before: Side, after: Side, *, lint: bool = False) -> SecurityChange:
    """Everything that is new. A finding that only moved to another logical id is new: it is about another resource.
    `lint` has cfn-lint look at templates that differ."""
    old, new = _own(before.assembly), _own(after.assembly)
    scanners = [OWN_RULES]
    if lint:
        linted = lint_changed(before.templates, after.templates, after.region or REGION)
        old, new = (
            [*known, *(Finding(SCANNER, one.rule, one.place, one.message) for one in found)]
            for known, found in zip((old, new), linted, strict=True)
        )
        scanners.append(SCANNER)
    compared = before.violations is not None and after.violations is not None
    if compared:
        old, new = [*old, *_reported(before)], [*new, *_reported(after)]
    permissions = added_permissions(before.templates, after.templates)
    return SecurityChange(
        added=_more(new, old),
        resolved=_more(old, new),
        permissions=permissions,
        openings=added_openings(before.assembly, after.assembly),
        unpinned=tuple(sorted(_unpinned(after.assembly) - _unpinned(before.assembly))),
        scanners=(*scanners, REPORTED) if compared else tuple(scanners),
        silent=() if compared else (REPORTED,),
    )


def _more(these: Iterable[Finding], those: Iterable[Finding]) -> tuple[Finding, ...]:
    """Those of the first that the second does not have as often."""
    left = Counter(those)
    found = []
    for one in these:
        if left[one]:
            left[one] -= 1
        else:
            found.append(one)
    return tuple(found)


def _own(assembly: Assembly) -> list[Finding]:
    return [Finding(OWN_RULES, one.code, _place(one), one.message) for one in findings(assembly, ACKNOWLEDGED)]


def _place(problem: Problem) -> str:
    return " ".join(filter(None, (problem.file, problem.path)))


def _reported(side: Side) -> list[Finding]:
    return [Finding(one.scanner, one.rule, one.place, one.message) for one in side.violations or ()]


def _unpinned(assembly: Assembly) -> set[str]:
    """`place: image` of every container whose image no digest names."""
    return {
        f"{one.kind} {one.namespace}/{one.name}: {image}"
        for one in assembly.objects
        for pod in expand(one, assembly)
        for image in (dig(container, "image") for container in pod.containers())
        if isinstance(image, str) and "@sha256:" not in image
    }
