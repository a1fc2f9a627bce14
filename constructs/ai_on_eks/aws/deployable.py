"""What AWS would not take of a platform, as far as the platform file alone shows: told by `ai-on-eks validate`, and at
synth before anything is built. Imports no CDK.

The constructs check the same again where each thing is made, so that no other way to make one can forget it.
"""

from __future__ import annotations

from collections.abc import Callable

from ai_on_eks.aws.addon_specs import unused_pins
from ai_on_eks.aws.network_checks import check_network
from ai_on_eks.catalog.versions import check_kubernetes, kubectl_layer
from ai_on_eks.descriptors.platform import DeliveryMode, Platform
from ai_on_eks.errors import InputError, Problem


def check_deployable(platform: Platform) -> None:
    """Raise InputError with everything at once."""
    version = platform.cluster.kubernetes_version
    checks: list[Callable[[], object]] = [
        lambda: check_network(platform.network),
        lambda: check_kubernetes(version),
    ]
    if platform.delivery.mode is DeliveryMode.APPLY:
        checks.append(lambda: kubectl_layer(version))
    problems: list[Problem] = unused_pins(platform)
    for check in checks:
        try:
            check()
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
