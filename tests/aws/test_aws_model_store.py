from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk import Stack
from aws_templates import all_of, imported_cluster, only, template_of

from ai_on_eks.aws.model_store import ModelReader, ModelStore, ModelWriter, ProgramWriter
from ai_on_eks.serving.types import ProgramStore


def template(
    existing_bucket: str | None, compile_cache: str | None = None, programs: str | None = None
) -> dict[str, Any]:
    def build(stack: Stack) -> None:
        store = ModelStore(stack, "ModelStore", existing_bucket=existing_bucket, keep_replaced_days=30)
        ModelReader(
            stack,
            "llama-reader",
            store=store,
            cluster=imported_cluster(stack),
            model="llama",
            namespace="models",
            service_account="llama-sa",
            compile_cache=compile_cache,
            programs=programs,
        )

    return template_of(build)


@pytest.fixture(scope="module")
def new() -> dict[str, Any]:
    return template(None)


@pytest.fixture(scope="module")
def existing() -> dict[str, Any]:
    return template("weights-of-ours")


def statements(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    policy = only(document, "AWS::IAM::Policy")["Properties"]["PolicyDocument"]
    return {statement["Sid"]: statement for statement in policy["Statement"]}


def test_the_bucket_is_encrypted_versioned_closed_and_kept(new: dict[str, Any]) -> None:
    bucket = only(new, "AWS::S3::Bucket")
    properties = bucket["Properties"]
    (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["BucketKeyEnabled"] is True
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_plain_http_is_denied(new: dict[str, Any]) -> None:
    (statement,) = only(new, "AWS::S3::BucketPolicy")["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_a_model_reads_its_own_files_and_writes_nothing(new: dict[str, Any]) -> None:
    granted = statements(new)
    assert {sid: statement["Action"] for sid, statement in granted.items()} == {
        "ListModel": "s3:ListBucket",
        "ReadModel": "s3:GetObject",
        "DecryptModel": "kms:Decrypt",
    }
    assert granted["ReadModel"]["Resource"]["Fn::Join"][1][-1] == "/models/llama/*"
    assert granted["ListModel"]["Condition"] == {"StringLike": {"s3:prefix": ["models/llama", "models/llama/*"]}}


def test_the_role_belongs_to_one_service_account_of_one_cluster(new: dict[str, Any]) -> None:
    association = only(new, "AWS::EKS::PodIdentityAssociation")["Properties"]
    assert (association["Namespace"], association["ServiceAccount"]) == ("models", "llama-sa")
    role = new["Resources"][association["RoleArn"]["Fn::GetAtt"][0]]["Properties"]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Action"] == ["sts:AssumeRole", "sts:TagSession"]
    assert statement["Condition"]["StringEquals"] == {
        "aws:RequestTag/kubernetes-namespace": "models",
        "aws:RequestTag/kubernetes-service-account": "llama-sa",
    }
    assert "cluster/ai" in json.dumps(statement["Condition"]["ArnEquals"])


def test_an_existing_bucket_is_used_and_not_made(existing: dict[str, Any]) -> None:
    assert not all_of(existing, "AWS::S3::Bucket")
    assert not all_of(existing, "AWS::KMS::Key")
    assert sorted(statements(existing)) == ["ListModel", "ReadModel"]
    assert "weights-of-ours/models/llama/*" in json.dumps(statements(existing)["ReadModel"]["Resource"])


def test_pods_that_compile_keep_programs_in_their_own_place_and_change_no_weights() -> None:
    found = statements(template(None, "compiled/llama/unpinned"))
    writing = [one for one in found.values() if "s3:PutObject" in one["Action"]]
    assert writing == [found["KeepCompiled"]]
    assert json.dumps(found["KeepCompiled"]["Resource"]).endswith('"/compiled/llama/unpinned/*"]]}')
    assert not any("Delete" in json.dumps(one["Action"]) for one in found.values())
    assert found["EncryptCompiled"]["Action"] == "kms:GenerateDataKey"


def test_pods_that_compile_nothing_write_nothing(new: dict[str, Any]) -> None:
    assert set(statements(new)) == {"ListModel", "ReadModel", "DecryptModel"}


PROGRAMS = ProgramStore("compiled/llama/unpinned/v1/nvidia-l4/tp1", "llama.compile")


def test_who_loads_programs_reads_them_and_writes_nothing() -> None:
    found = statements(template(None, programs=PROGRAMS.prefix))
    assert set(found) == {"ListModel", "ReadModel", "DecryptModel", "ListPrograms", "ReadPrograms"}
    assert found["ReadPrograms"]["Action"] == "s3:GetObject"
    assert found["ReadPrograms"]["Resource"]["Fn::Join"][1][-1] == f"/{PROGRAMS.prefix}/*"
    assert not [one for one in found.values() if "Put" in json.dumps(one["Action"])]


def test_who_compiles_them_is_another_account_that_writes_there_alone() -> None:
    def build(stack: Stack) -> None:
        store = ModelStore(stack, "ModelStore", existing_bucket=None, keep_replaced_days=30)
        ProgramWriter(
            stack,
            "llama-compiler",
            store=store,
            cluster=imported_cluster(stack),
            model="llama",
            namespace="models",
            programs=PROGRAMS,
        )

    document = template_of(build)
    found = statements(document)
    assert found["WritePrograms"]["Action"] == ["s3:AbortMultipartUpload", "s3:PutObject"]
    assert found["WritePrograms"]["Resource"]["Fn::Join"][1][-1] == f"/{PROGRAMS.prefix}/*"
    assert [sid for sid, one in found.items() if "Put" in json.dumps(one["Action"])] == ["WritePrograms"]
    assert not any("Delete" in json.dumps(one["Action"]) for one in found.values())
    assert found["EncryptPrograms"]["Action"] == "kms:GenerateDataKey"
    association = only(document, "AWS::EKS::PodIdentityAssociation")["Properties"]
    assert association["ServiceAccount"] == PROGRAMS.account
    role = document["Resources"][association["RoleArn"]["Fn::GetAtt"][0]]["Properties"]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Condition"]["StringEquals"]["aws:RequestTag/kubernetes-service-account"] == PROGRAMS.account


def written(existing_bucket: str | None = None) -> dict[str, Any]:
    def build(stack: Stack) -> None:
        store = ModelStore(stack, "ModelStore", existing_bucket=existing_bucket, keep_replaced_days=30)
        cluster = imported_cluster(stack)
        ModelWriter(
            stack, "ModelWriter", store=store, cluster=cluster, namespace="models", service_account="weights-sync"
        )

    return template_of(build)


def test_the_writer_uploads_and_compares_below_models_and_deletes_nothing() -> None:
    document = written()
    granted = statements(document)
    assert {sid: statement["Action"] for sid, statement in granted.items()} == {
        "ListModels": "s3:ListBucket",
        "UploadModels": [
            "s3:AbortMultipartUpload",
            "s3:GetObject",
            "s3:ListMultipartUploadParts",
            "s3:PutObject",
        ],
        "EncryptModels": ["kms:Decrypt", "kms:GenerateDataKey"],
    }
    assert granted["UploadModels"]["Resource"]["Fn::Join"][1][-1] == "/models/*"
    assert granted["ListModels"]["Condition"] == {"StringLike": {"s3:prefix": ["models", "models/*"]}}
    assert granted["EncryptModels"]["Condition"] == {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}
    association = only(document, "AWS::EKS::PodIdentityAssociation")["Properties"]
    assert (association["Namespace"], association["ServiceAccount"]) == ("models", "weights-sync")


def test_the_writer_of_an_existing_bucket_has_no_right_to_a_key() -> None:
    granted = statements(written("weights-of-ours"))
    assert sorted(granted) == ["ListModels", "UploadModels"]
    assert "weights-of-ours/models/*" in json.dumps(granted["UploadModels"]["Resource"])


def test_overwritten_weights_and_unfinished_uploads_are_not_paid_for_for_ever(new: dict[str, Any]) -> None:
    (rule,) = only(new, "AWS::S3::Bucket")["Properties"]["LifecycleConfiguration"]["Rules"]
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert rule["Status"] == "Enabled"
