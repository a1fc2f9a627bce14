"""What the jobs that copy weights share: their account, their program, what they may talk to, the hub's token."""

from __future__ import annotations

import json

from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.kube.objects.job import outgoing_policy, platform_metadata, program
from ai_on_eks.kube.objects.service_account import service_account
from ai_on_eks.serving.types import Json
from ai_on_eks.serving.weight_sync import (
    PROGRAM_FILE,
    PURPOSE,
    TOKEN_CLASS,
    TOKEN_FILE,
    program_config_map,
    program_text,
)

POLICY_NAME = "weight-sync"


def sync_account(platform: Platform, name: str) -> Json:
    """The one account that may upload weights (by Pod Identity)."""
    return service_account(platform_metadata(platform, name))


def sync_program(platform: Platform) -> Json:
    """The program. A running job's never changes: another program is another ConfigMap."""
    return program(platform, program_config_map(), {PROGRAM_FILE: program_text()})


def sync_policy(platform: Platform) -> Json:
    """Out: names, the hub and S3 on port 443, credentials. Nobody calls a job."""
    return outgoing_policy(platform, POLICY_NAME, PURPOSE)


def hub_token_class(platform: Platform, secret_arn: str) -> Json:
    """secrets-store.csi.x-k8s.io/v1 SecretProviderClass: which secret becomes which file, read with the pod's own role
    (Secrets Manager user guide, ascp-pod-identity-integration and ascp-examples, 2026-11)."""
    objects = [{"objectName": secret_arn, "objectAlias": TOKEN_FILE}]
    return {
        "apiVersion": "secrets-store.csi.x-k8s.io/v1",
        "kind": "SecretProviderClass",
        "metadata": platform_metadata(platform, TOKEN_CLASS),
        "spec": {
            "provider": "aws",
            "parameters": {
                # The field is YAML inside YAML, and JSON is both.
                "objects": json.dumps(objects),
                "region": platform.region,
                "usePodIdentity": "true",
            },
        },
    }
