"""Parts of a PodSpec that serving pods and those of jobs have in common, in Kubernetes' wire format.

Every container is what the `restricted` Pod Security Standard admits, with a read-only root file system on top.
"""

from __future__ import annotations

from collections.abc import Mapping

from ai_on_eks.serving.quantities import bytes_quantity
from ai_on_eks.serving.replica import (
    ClaimedFiles,
    ConfigFiles,
    EmptyDirectory,
    SecretFiles,
    StoredSecret,
    Volume,
    VolumeSource,
)
from ai_on_eks.serving.types import Json
from ai_on_eks.serving.weights import BUCKET_VARIABLE, MODEL_STORE_BUCKET_KEY, MODEL_STORE_CONFIG_MAP

USER_ID = 10001
"""Of every pod whose image is not made for an account (`user_id` of the images file). Above those that nodes give to
people and services: the first of them, 1000, is ec2-user on Amazon Linux, who may become root."""

SECRETS_DRIVER = "secrets-store.csi.k8s.io"
"""Name of the Secrets Store CSI driver (kubernetes-sigs/secrets-store-csi-driver, 2026-11)."""


def pod_security(user_id: int | None = None) -> Json:
    """What holds for all containers of a pod. `user_id` is the account that its image is made for, if any."""
    user = USER_ID if user_id is None else user_id
    return {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": user,
        "fsGroup": user,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def environment(arguments: tuple[str, ...], variables: Mapping[str, str]) -> list[Json]:
    """The variables, and before them the bucket where an argument or a variable asks for it."""
    environment: list[Json] = []
    if any(f"$({BUCKET_VARIABLE})" in text for text in (*arguments, *variables.values())):
        source = {"configMapKeyRef": {"name": MODEL_STORE_CONFIG_MAP, "key": MODEL_STORE_BUCKET_KEY}}
        environment.append({"name": BUCKET_VARIABLE, "valueFrom": source})
    environment += [{"name": name, "value": value} for name, value in sorted(variables.items())]
    return environment


def container_security() -> Json:
    """What holds for one container."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }


def volume_entry(volume: Volume) -> Json:
    """The volume as a pod lists it."""
    return {"name": volume.name, **_source(volume.source)}


def _source(source: VolumeSource) -> Json:
    match source:
        case EmptyDirectory(size_limit_bytes, in_memory):
            medium = {"medium": "Memory"} if in_memory else {}
            return {"emptyDir": {**medium, "sizeLimit": bytes_quantity(size_limit_bytes)}}
        case ConfigFiles(config_map):
            return {"configMap": {"name": config_map}}
        case SecretFiles(secret):
            return {"secret": {"secretName": secret, "optional": True, "defaultMode": 0o440}}
        case StoredSecret(provider_class):
            attributes = {"secretProviderClass": provider_class}
            return {"csi": {"driver": SECRETS_DRIVER, "readOnly": True, "volumeAttributes": attributes}}
        case ClaimedFiles(claim, filled):
            access: Json = {} if filled else {"readOnly": True}
            return {"persistentVolumeClaim": {"claimName": claim, **access}}


def mount_entry(volume: Volume, *, read_only: bool) -> Json:
    """The volume as a container mounts it."""
    mount: Json = {"name": volume.name, "mountPath": volume.mount_path}
    if volume.sub_path is not None:
        mount["subPath"] = volume.sub_path
    if read_only:
        mount["readOnly"] = True
    return mount
