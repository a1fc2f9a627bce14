"""Compare the objects of a cluster with rendered ones: missing, changed, not ready, or rendered by nobody.

FOLDER is what `ai-on-eks render -o` or `make synth` wrote. Nothing is changed: the API server is asked what it would
store in place of each object, or, where it does not say, the rendered fields are compared. The cluster is found as
kubectl does. Exit code 1 for findings, 2 where the cluster cannot be asked. Secrets are not read, and values that look
like credentials are not shown. Needs the optional dependency `ai-on-eks[cluster]`.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ai_on_eks.cli.output import counted, document, note, write_json, write_text
from ai_on_eks.cli.progress import progress
from ai_on_eks.drift.cluster import Cluster, connect
from ai_on_eks.drift.rendered import read_objects
from ai_on_eks.drift.types import Compared, Depth, Finding, Kind
from ai_on_eks.drift.verifying import verify
from ai_on_eks.errors import EXIT_DONE, EXIT_FINDINGS


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("folder", metavar="FOLDER", help="folder of rendered manifests")
    parser.add_argument("--kubeconfig", metavar="FILE", help="default: $KUBECONFIG, then ~/.kube/config")
    parser.add_argument("--context", metavar="NAME", help="of the kubeconfig; default: its current one")


def run(args: Namespace) -> int:
    objects = read_objects(Path(args.folder))
    cluster = connect(args.kubeconfig, args.context)
    with progress("comparing", len(objects), quiet=args.json) as move_on:
        compared = verify(cluster, objects, move_on=move_on)
    found = [one for one in compared if one.findings]
    if args.json:
        write_json(document("verify", _body(args.folder, cluster, compared)))
    else:
        if found:
            write_text("\n".join(_text(one) for one in found))
        note(_summary(args.folder, cluster, compared))
    return EXIT_FINDINGS if found else EXIT_DONE


def _text(compared: Compared) -> str:
    """An object and its findings, each on a line of its own."""
    return "\n".join((str(compared.identity), *(f"  {_finding_text(finding)}" for finding in compared.findings)))


def _finding_text(finding: Finding) -> str:
    kind = finding.kind.replace("-", " ")
    if finding.kind is not Kind.CHANGED:
        return f"{kind}: {finding.reason}"
    rendered, live = ("not set" if value is None else value for value in (finding.rendered, finding.live))
    return f"{kind}: {finding.path}\n    rendered: {rendered}\n    live:     {live}"


def _summary(folder: str, cluster: Cluster, compared: Sequence[Compared]) -> str:
    kinds = Counter(finding.kind for one in compared for finding in one.findings)
    rendered = [one for one in compared if not any(finding.kind is Kind.EXTRA for finding in one.findings)]
    told = ", ".join(f"{kinds[kind]} {kind.replace('-', ' ')}" for kind in Kind if kinds[kind]) or "no finding"
    lines = [f"{counted(len(rendered), 'object')} of {folder} against {cluster.context} ({cluster.server}): {told}"]
    shallow = sum(one.depth is Depth.RENDERED for one in compared)
    if shallow:
        lines.append(
            f"{counted(shallow, 'object')} by the rendered fields alone: the API server does not say what it would "
            "store (it takes the permission to update)"
        )
    return "\n".join(lines)


def _body(folder: str, cluster: Cluster, compared: Sequence[Compared]) -> dict[str, Any]:
    return {
        "folder": folder,
        "context": cluster.context,
        "server": cluster.server,
        "objects": [_object(one) for one in compared],
        "summary": {kind: sum(f.kind is kind for one in compared for f in one.findings) for kind in Kind},
    }


def _object(compared: Compared) -> dict[str, Any]:
    identity = compared.identity
    return {
        "api_version": identity.api_version,
        "kind": identity.kind,
        "namespace": identity.namespace or None,
        "name": identity.name,
        "compared": compared.depth,
        "findings": [
            {
                "finding": finding.kind,
                "path": finding.path or None,
                "rendered": finding.rendered,
                "live": finding.live,
                "reason": finding.reason or None,
            }
            for finding in compared.findings
        ],
    }
