"""What all jobs have in common: a pod without anything to serve, and a name that says which one it is."""

from __future__ import annotations

import hashlib
import json

from ai_on_eks.serving.pod_parts import container_security, environment, mount_entry, pod_security, volume_entry
from ai_on_eks.serving.replica import Volume
from ai_on_eks.serving.types import Json

NAME_CHARACTERS = 63
DIGEST_CHARACTERS = 8

TERMINATION_SECONDS = 60


def job_name(model: str, purpose: str, pod_spec: Json) -> str:
    """A Job cannot be changed, only replaced: what has the same name is the same work, and applying it twice is no
    change. A long model name is cut; the digest tells it from others."""
    text = json.dumps([model, purpose, pod_spec], sort_keys=True)
    ending = f"-{purpose}-{hashlib.sha256(text.encode()).hexdigest()[:DIGEST_CHARACTERS]}"
    return model[: NAME_CHARACTERS - len(ending)].rstrip("-") + ending


def job_pod(
    container: Json,
    arguments: tuple[str, ...],
    variables: dict[str, str],
    volumes: tuple[Volume, ...],
    account: str,
    *,
    user_id: int | None = None,
) -> Json:
    """PodSpec v1 of one container that does its work and ends. `container` has its name, image and resources; `user_id`
    is the account that the image is made for."""
    return {
        "serviceAccountName": account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": TERMINATION_SECONDS,
        "securityContext": pod_security(user_id),
        "containers": [
            {
                **container,
                "imagePullPolicy": "IfNotPresent",
                "args": list(arguments),
                "env": environment(arguments, variables),
                "volumeMounts": [mount_entry(volume, read_only=volume.read_only) for volume in volumes],
                "securityContext": container_security(),
            }
        ],
        "volumes": [volume_entry(volume) for volume in volumes],
    }
