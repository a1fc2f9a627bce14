"""The pipeline file: what it says together, and what is refused with its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ai_on_eks.descriptors.pipeline import Pipeline, load_pipeline
from ai_on_eks.errors import InputError

VALID: dict[str, Any] = {
    "name": "release",
    "region": "us-east-1",
    "account": "111122223333",
    "source": {
        "repository": "org/platform",
        "connection_arn": "arn:aws:codeconnections:us-east-1:111122223333:connection/"
        "01234567-89ab-cdef-0123-456789abcdef",
    },
    "stages": [{"name": "dev", "platform": "platforms/dev.yaml"}, {"name": "prod", "platform": "platforms/prod.yaml"}],
}


def loaded(folder: Path, **changes: Any) -> Pipeline:
    path = folder / "pipeline.yaml"
    path.write_text(yaml.safe_dump(VALID | changes), encoding="utf-8")
    return load_pipeline(path)


def stages(*changes: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": f"stage-{i}", "platform": f"platforms/{i}.yaml", **change} for i, change in enumerate(changes)]


def test_given_stages_when_grouped_then_neighbours_of_one_wave_are_together(tmp_path: Path) -> None:
    pipeline = loaded(tmp_path, stages=stages({}, {"wave": "eu"}, {"wave": "eu"}, {}))
    assert [[stage.name for stage in wave] for wave in pipeline.waves()] == [
        ["stage-0"], ["stage-1", "stage-2"], ["stage-3"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"stages": stages({"name": "dev"}, {"name": "dev"})}, "stages[0].name"),
        ({"stages": stages({"platform": "a.yaml"}, {"platform": "a.yaml"})}, "stages[0].platform"),
        ({"stages": stages({"wave": "eu"}, {}, {"wave": "eu"})}, "stages[0].wave"),
        ({"stages": stages({"verify": True})}, "stages[0].verify"),
    ],
)
def test_given_stages_that_contradict_each_other_when_read_then_the_line_is_told(
    changes: dict[str, Any], path: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as caught:
        loaded(tmp_path, **changes)
    problem = caught.value.problems[0]
    assert (problem.code, problem.path) == ("pipeline-stage", path)
    assert problem.line is not None


@pytest.mark.parametrize(
    "platform", ["../other/platform.yaml", "/etc/platform.yaml", "a//b.yaml", "a/../../b.yaml", ".hidden/a.yaml"]
)
def test_given_a_path_out_of_the_folder_when_read_then_it_is_refused(platform: str, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        loaded(tmp_path, stages=stages({"platform": platform}))


@pytest.mark.parametrize(
    "arn", ["arn:aws:iam::111122223333:role/a", "arn:aws:codeconnections:us-east-1:1:connection/a"]
)
def test_given_another_arn_than_a_connections_when_read_then_it_is_refused(arn: str, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        loaded(tmp_path, source={"repository": "org/platform", "connection_arn": arn})
