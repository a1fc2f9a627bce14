"""The pipeline of `pipeline.yaml` as a CDK application; `make pipeline` starts it.

Every stage is planned, rendered and checked as `app.py` does it for one platform. Beside the cloud assembly each stage
gets a folder in the form that `make synth` leaves, so that a release is reviewed like a change.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ai_on_eks.aws.gitops.publishing import RENDERED, repository_of
from ai_on_eks.cli.findings import unpinned_images, used_images
from ai_on_eks.cli.loading import Collector, load_target_platform, located
from ai_on_eks.cli.output import json_text
from ai_on_eks.cli.progress import out_of_the_way, progress
from ai_on_eks.cli.rendering import images_of, images_path
from ai_on_eks.descriptors.pipeline import Pipeline, Stage, load_pipeline
from ai_on_eks.errors import AiOnEksError, FindingsError, InputError, Problem
from ai_on_eks.files import replace_folder_atomically
from ai_on_eks.serving.images import PACKAGED_IMAGES
from app import ROOT, Planned, gitops_tree, manifest_files, read_deployment, refuse_findings, render_charts

if TYPE_CHECKING:
    import aws_cdk

    from ai_on_eks.descriptors.platform import Platform
    from ai_on_eks.descriptors.platform_gitops import GitOps
    from stacks.application import Deployment

STAGES = "build/pipeline/stages"


def main() -> int:
    """Synthesize. The user's mistakes are told without a traceback and end with their exit code."""
    context = json.loads(os.environ.get("CDK_CONTEXT_JSON", "{}"))
    file = ROOT / context.get("pipeline", "pipeline.yaml")
    outdir = os.environ.get("CDK_OUTDIR", str(ROOT / "build" / "pipeline" / "cdk.out"))
    try:
        pipeline = load_pipeline(file)
        with progress("planning, synthesizing, checking", 2 * len(pipeline.stages) + 1) as move_on:
            read: dict[str, tuple[Deployment, Planned]] = {}
            for stage in pipeline.stages:
                folders = file.parent / stage.models, file.parent / stage.jobs
                read[stage.name] = read_deployment(str(file.parent / stage.platform), *folders)
                check_pins(str(file.parent / stage.platform), read[stage.name][0])
                move_on()
            check_platforms(file, pipeline, {name: deployment for name, (deployment, _) in read.items()})
            synthesized = synthesize(file, pipeline, read, outdir)
            move_on()
            for stage in pipeline.stages:
                deployment, planned = read[stage.name]
                folder = ROOT / context.get("stages", STAGES) / stage.name
                replace_folder_atomically(folder, stage_files(synthesized[stage.name], deployment, planned))
                refuse_findings(deployment, folder / "cdk.out")
                move_on()
    except AiOnEksError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return error.exit_code
    for stage in pipeline.stages:
        print(f"{stage.name}: {read[stage.name][1].text}\n")
    return 0


def check_platforms(file: Path, pipeline: Pipeline, deployments: Mapping[str, Deployment]) -> None:
    """What only the platform files together show: a stage knows its account, and no two share a platform."""
    platforms = [deployments[stage.name].platform for stage in pipeline.stages]
    places = Counter((one.account, one.region, one.name) for one in platforms)
    problems = []
    for i, platform in enumerate(platforms):
        path = f"stages[{i}].platform"
        if platform.account is None:
            message = "this platform names no account, and a pipeline takes nobody's credentials to find one"
            problems.append(
                Problem("pipeline-stage", message, path=path, value=pipeline.stages[i].platform, fix="set its account")
            )
        if places[platform.account, platform.region, platform.name] > 1:
            message = f"two stages are the platform {platform.name} of one account and region"
            problems.append(
                Problem("pipeline-stage", message, path=path, value=pipeline.stages[i].platform, fix="rename one")
            )
    problems += _publishing_problems(pipeline, platforms)
    if problems:
        raise InputError([located(problem, str(file)) for problem in problems])


def _publishing_problems(pipeline: Pipeline, platforms: Sequence[Platform]) -> Iterator[Problem]:
    """A branch that is published to belongs to the pipeline: nobody writes there by hand, and it starts no release."""
    others: list[tuple[str, str, GitOps]] = []
    for i, (stage, platform) in enumerate(zip(pipeline.stages, platforms, strict=True)):
        if not stage.publish:
            continue
        path, gitops = f"stages[{i}].publish", platform.delivery.gitops
        if gitops is None:
            message = f"nothing is written for a GitOps tool with delivery.mode: {platform.delivery.mode.value}"
            fix = "set delivery.mode: gitops in the platform file, or publish: false"
            yield Problem("pipeline-stage", message, path=path, value=True, fix=fix)
            continue
        repository = repository_of(gitops.repository)
        key = repository.casefold()  # hosts of Git find a repository whatever the case of its letters
        if (key, gitops.revision) == (pipeline.source.repository.casefold(), pipeline.source.branch):
            message = f"a commit to {gitops.revision} of {repository} would start the next release"
            fix = f"name a branch for it alone: delivery.gitops.revision: rendered/{stage.name}"
            yield Problem("pipeline-stage", message, path=path, value=gitops.revision, fix=fix)
        for name, where, other in others:
            if (where, other.revision) == (key, gitops.revision) and _overlap(other.path, gitops.path):
                message = f"stage {name} publishes to the folder {other.path} of {gitops.revision} as well"
                fix = "give each stage a branch, or a folder beside the other's"
                yield Problem("pipeline-stage", message, path=path, value=gitops.path, fix=fix)
        others.append((stage.name, key, gitops))


def _overlap(one: str, other: str) -> bool:
    """Whether a folder is the other one, or lies in it: a publication removes what it did not write."""
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def check_pins(platform_file: str, deployment: Deployment) -> None:
    """An image that only a tag names could be another one in each stage, so a pipeline releases none.

    Locking is a change like any other, made and reviewed in the repository: `ai-on-eks images lock`.
    """
    collector = Collector()
    target = load_target_platform(platform_file, None, collector)
    collector.finish()
    if target is None:
        raise AssertionError("a platform that did not load has left a problem")
    trained = [job.pod_spec for job in deployment.jobs]
    used = used_images(images_of(target), deployment.workloads, trained)
    problems = unpinned_images(used, str(images_path(target) or PACKAGED_IMAGES))
    if problems:
        raise FindingsError(problems)


def synthesize(
    file: Path, pipeline: Pipeline, read: Mapping[str, tuple[Deployment, Planned]], outdir: str
) -> Mapping[str, Sequence[aws_cdk.Stage]]:
    """Write the cloud assembly; CDK's stages by name of the pipeline's."""
    from stacks.pipeline import Release, build_pipeline_app  # noqa: PLC0415 - a mistake is told before Node has started

    def release(stage: Stage) -> Release:
        deployment, _ = read[stage.name]
        return Release(stage, deployment, lambda addresses: render_charts(deployment, addresses))

    collector = Collector()
    made = collector.attempt(
        str(file),
        lambda: build_pipeline_app(pipeline, [release(stage) for stage in pipeline.stages], outdir=outdir),
    )
    collector.finish()
    if made is None:
        raise AssertionError("what was not made has left a problem")
    app, stack = made
    with out_of_the_way():  # CDK tells its warnings itself
        app.synth()
    return stack.stages


def stage_files(stages: Sequence[aws_cdk.Stage], deployment: Deployment, planned: Planned) -> dict[str, str]:
    """What `make synth` would leave for this platform: templates by name of their stack, manifests, the plan."""
    platform = deployment.platform
    files = {f"build/manifests/{name}": text for name, text in manifest_files(deployment).items()}
    files |= {f"{RENDERED}/{name}": text for name, text in gitops_tree(deployment).items()}
    files["build/plan.json"] = json_text(planned.document)
    artifacts = {}
    for stage in stages:
        for stack in stage.synth().stacks:
            files[f"cdk.out/{stack.stack_name}.template.json"] = Path(stack.template_full_path).read_text("utf-8")
            artifacts[stack.stack_name] = {
                "type": "aws:cloudformation:stack",
                "environment": f"aws://{platform.account}/{platform.region}",
            }
    files["cdk.out/manifest.json"] = json_text({"artifacts": artifacts})
    return files


if __name__ == "__main__":
    sys.exit(main())
