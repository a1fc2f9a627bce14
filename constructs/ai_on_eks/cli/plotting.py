"""`plan --plot FILE`: which picture, in which format, written whole or not at all."""

from __future__ import annotations

from pathlib import Path

from ai_on_eks.cli.writing import written_to
from ai_on_eks.errors import Problem, UsageError
from ai_on_eks.placement.types import Plan

SUFFIXES = (".svg", ".png")


def check_plot_file(file: str, descriptors: int) -> None:
    """Refuse what cannot be drawn before anything is planned."""
    if Path(file).suffix.lower() not in SUFFIXES:
        raise UsageError(
            Problem(
                code="unknown-plot-format",
                message="the file's name tells no format that is drawn",
                path="--plot",
                value=file,
                allowed=SUFFIXES,
                fix=f"name it {Path(file).stem or 'plan'}.svg",
            )
        )
    if descriptors > 1:
        message, fix = "a picture shows the plan of one model", "name one descriptor"
        raise UsageError(Problem("plot-of-several-models", message, path="--plot", value=file, fix=fix))


def write_plot(file: str, plan: Plan, *, by_throughput: bool) -> None:
    """Draw the front of the plan."""
    from ai_on_eks.cli.plots.front import front_scene  # noqa: PLC0415 - most plans are not drawn

    scene = front_scene(plan, by_throughput=by_throughput)
    if Path(file).suffix.lower() == ".svg":
        from ai_on_eks.cli.plots.svg import svg  # noqa: PLC0415 - as above

        content = svg(scene, f"Pareto front of {plan.descriptor.name}").encode()
    else:
        from ai_on_eks.cli.plots.png import png  # noqa: PLC0415 - as above

        content = png(scene)
    with written_to(file):
        Path(file).write_bytes(content)
