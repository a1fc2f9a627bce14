"""Start a project folder that synthesizes at once: platform file, one model, application, editor schemas, Makefile.

The folder has to be new or empty: nothing is ever written over, and either all of it is there afterwards or nothing.
`make synth` in it needs Python and make, and no AWS account.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ai_on_eks.cli.loading import DEFAULT_REGION
from ai_on_eks.cli.output import document, note, write_json
from ai_on_eks.cli.project.files import Settings, project_files, project_name
from ai_on_eks.cli.project.requirement import is_of_this_machine, own_requirement
from ai_on_eks.cli.project.template import template_folder
from ai_on_eks.cli.writing import written_to
from ai_on_eks.descriptors.profiles import Profile
from ai_on_eks.errors import EXIT_DONE
from ai_on_eks.files import create_folder


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("folder", metavar="FOLDER", help="new or empty; its name becomes the platform's")
    parser.add_argument(
        "--profile",
        choices=[profile.value for profile in Profile],
        default=Profile.MINIMAL.value,
        help="minimal = the cheapest that serves one model (default); production = a zone may fail; private = nothing "
        "reaches the internet",
    )
    parser.add_argument("--region", metavar="REGION", default=DEFAULT_REGION, help=f"default: {DEFAULT_REGION}")
    parser.add_argument(
        "--package", metavar="REQUIREMENT", help="how requirements.txt names this package; default: as it is installed"
    )


def run(args: Namespace) -> int:
    folder = Path(args.folder)
    requirement = args.package or own_requirement()
    settings = Settings(
        name=project_name(folder.resolve()),
        profile=Profile(args.profile),
        region=args.region,
        requirement=requirement,
        template=template_folder(),
        only_here=is_of_this_machine(requirement),
    )
    files = project_files(settings)
    with written_to(str(folder)):
        create_folder(folder, files)
    if args.json:
        body = {"folder": str(folder), "platform": settings.name, "requirement": requirement, "files": sorted(files)}
        write_json(document("init", body))
    else:
        note(f"wrote {len(files)} files to {folder}; next: cd {folder} && git init && make synth")
        if settings.only_here:
            note(f"warning: requirements.txt names a folder of this machine, which nobody else has: {requirement}")
    return EXIT_DONE
