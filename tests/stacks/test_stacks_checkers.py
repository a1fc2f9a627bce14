"""What the public checkers say of our templates: cfn-lint, CDK's own validation, cdk-nag."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest_plugins = ["stacks_fixtures"]

REPOSITORY = Path(__file__).parents[2]

ACCEPTED_WARNINGS = {
    "W3005",  # the library's own Lambda names its role twice
    "W3010",  # zones are named on purpose: a look-up needs credentials
}

RUN_CFN_LINT = "import sys; from cfnlint.runner import main; sys.exit(main())"

SYNTHESIZE = """
import sys
import stacks_samples as samples
from stacks.application import build_app

build_app(samples.deployment(), samples.charts, outdir=sys.argv[1]).synth()
"""


def environment(**changes: str) -> dict[str, str]:
    paths = [REPOSITORY, REPOSITORY / "constructs", REPOSITORY / "tests" / "stacks"]
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "CDK_", "PYTHON"))}
    return {**inherited, "PYTHONPATH": os.pathsep.join(map(str, paths)), **changes}


def synthesize(folder: Path, *, cwd: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", SYNTHESIZE, str(folder)],
        cwd=cwd,
        env=environment(**changes),
        capture_output=True,
        text=True,
        check=False,
    )


def test_cfn_lint_finds_no_error_and_no_new_warning(applied_folder: Path, rendered_folder: Path) -> None:
    templates = [str(path) for folder in (applied_folder, rendered_folder) for path in folder.glob("*.template.json")]
    assert len(templates) == 6 + 5
    assert linted(templates) == []


def test_cfn_lint_finds_nothing_in_a_pipeline_either(released_folder: Path, published_folder: Path) -> None:
    templates = [str(path) for path in released_folder.rglob("*.template.json")]
    assert len(templates) == 1 + 2 * 7
    assert linted([*templates, str(published_folder / "release.template.json")]) == []


def linted(templates: list[str]) -> list[dict[str, Any]]:
    """What cfn-lint finds and nobody has accepted."""
    result = subprocess.run(
        [sys.executable, "-c", RUN_CFN_LINT, "--format", "json", *templates],
        capture_output=True,
        text=True,
        check=False,
    )
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return [item for item in found if item["Rule"]["Id"] not in ACCEPTED_WARNINGS]


def test_synthesis_is_repeatable_and_passes_cdks_own_validation(tmp_path: Path) -> None:
    """Two processes that differ in time zone, hash seed and working directory; slow, because each starts Node."""
    first, second = tmp_path / "first", tmp_path / "second"
    results = [
        synthesize(first, cwd=REPOSITORY, TZ="UTC", PYTHONHASHSEED="1"),
        synthesize(second, cwd=tmp_path, TZ="Asia/Tokyo", PYTHONHASHSEED="2"),
    ]
    assert [result.returncode for result in results] == [0, 0], results[0].stderr
    assert "ERROR" not in results[0].stdout + results[0].stderr
    assert (first / "validation-report.json").exists()
    assert contents(first) == contents(second)


def test_cdks_own_validation_fails_on_a_planted_error(tmp_path: Path) -> None:
    """Else the test above would pass with the validation off."""
    script = SYNTHESIZE.replace(
        "build_app(samples.deployment(), samples.charts, outdir=sys.argv[1]).synth()",
        "from aws_cdk import Stack\n"
        "from aws_cdk import aws_eks_v2 as eks\n"
        "app = build_app(samples.deployment(), samples.charts, outdir=sys.argv[1])\n"
        "eks.CfnNodegroup(Stack(app, 'bad'), 'Bad', cluster_name='a', node_role='b', subnets=['c'], ami_type='NONE')\n"
        "app.synth()",
    )
    result = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "out")],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode != 0
    assert "AmiType" in result.stdout + result.stderr


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but the two that hold temporary paths of the Node process."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(".metadata.json") and path.name != "validation-report.json"
    }


@pytest.mark.parametrize("folder", ["applied_folder", "rendered_folder"])
def test_no_path_of_this_machine_gets_into_a_template(folder: str, request: pytest.FixtureRequest) -> None:
    synthesized: Path = request.getfixturevalue(folder)
    templates = list(synthesized.glob("*.template.json"))
    assert len(templates) >= 5
    for path in templates:
        text = path.read_text(encoding="utf-8")
        assert str(REPOSITORY) not in text
        assert str(synthesized) not in text
