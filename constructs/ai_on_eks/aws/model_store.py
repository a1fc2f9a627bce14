"""The bucket that holds the weights, and which pod reads what of it.

layout: models/<model>/<revision or 'unpinned'>/<the hub's files>
        compiled/<model>/<revision or 'unpinned'>/<what a compiler made of them>
rights: the service account of <model> lists and reads models/<model>/*; one whose pods compile programs writes below
        its own part of compiled/, or only reads there what a job's own account writes; that of the writer, where the
        platform has one, uploads models/* and reads there;
        a fine-tuning job reads its model and datasets/, and alone writes and deletes below its own part of finetunes/;
        nobody else deletes
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from ai_on_eks.aws.pod_identity import associate, pod_identity_role
from ai_on_eks.serving.job_storage import DATASETS_PREFIX, RESULTS_PREFIX
from ai_on_eks.serving.types import ProgramStore

MODELS_PREFIX = "models"

ABORT_UPLOADS_DAYS = 7
"""S3 charges for the parts of an upload that was never finished."""


class ModelStore(Construct):
    """A bucket of our own (encrypted, versioned, private, kept) or one that exists.

    An existing bucket is only read, but for programs that pods compile. Where it is encrypted with a customer key, that
    key's policy must let the roles made here decrypt, and make data keys where they compile: its ARN cannot be learnt
    without a look-up.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's name
        *,
        existing_bucket: str | None,
        keep_replaced_days: int,
    ) -> None:
        super().__init__(scope, id)
        self.key: kms.Key | None = None
        if existing_bucket is not None:
            self.bucket: s3.IBucket = s3.Bucket.from_bucket_name(self, "Resource", existing_bucket)
            return
        self.key = kms.Key(
            self,
            "Key",
            description="Model weights",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.RETAIN,
        )
        self.bucket = s3.Bucket(
            self,
            "Resource",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.key,
            bucket_key_enabled=True,  # one KMS call per object would throttle a replica that reads shards in parallel
            versioned=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            lifecycle_rules=[
                s3.LifecycleRule(
                    abort_incomplete_multipart_upload_after=Duration.days(ABORT_UPLOADS_DAYS),
                    # Weights are large: keeping every version for ever is not free.
                    noncurrent_version_expiration=Duration.days(keep_replaced_days),
                )
            ],
            removal_policy=RemovalPolicy.RETAIN,
        )

    def grant_read(self, identity: iam.Role, model: str) -> None:
        """Let `identity` list and read this model's files, and decrypt them where the key is ours."""
        self._grant_read(identity, f"{MODELS_PREFIX}/{model}", "Model")

    def grant_read_all(self, identity: iam.Role) -> None:
        """The same for the files of every model."""
        self._grant_read(identity, MODELS_PREFIX, "Models")

    def _grant_read(self, identity: iam.Role, prefix: str, what: str) -> None:
        self._grant_list(identity, f"List{what}", [prefix, f"{prefix}/*"])
        self._grant_objects(identity, f"Read{what}", prefix, "s3:GetObject")
        self._grant_key(identity, f"Decrypt{what}", "kms:Decrypt")

    def _grant_objects(self, identity: iam.Role, sid: str, prefix: str, *actions: str) -> None:
        objects = [self.bucket.arn_for_objects(f"{prefix}/*")]
        identity.add_to_policy(iam.PolicyStatement(sid=sid, actions=[*actions], resources=objects))

    def _grant_key(
        self, identity: iam.Role, sid: str, *actions: str, conditions: Mapping[str, Any] | None = None
    ) -> None:
        """Nothing where the bucket's key is not ours."""
        if self.key is not None:
            identity.add_to_policy(
                iam.PolicyStatement(sid=sid, actions=[*actions], resources=[self.key.key_arn], conditions=conditions)
            )

    def _grant_list(self, identity: iam.Role, sid: str, prefixes: list[str]) -> None:
        identity.add_to_policy(
            iam.PolicyStatement(
                sid=sid,
                actions=["s3:ListBucket"],
                resources=[self.bucket.bucket_arn],
                conditions={"StringLike": {"s3:prefix": prefixes}},
            )
        )

    def grant_compile_cache(self, identity: iam.Role, prefix: str) -> None:
        """Let `identity` keep compiled programs below `prefix`, so that the next replica does not compile for half an
        hour. It cannot delete there: an old program harms nobody, and S3 keeps versions."""
        self._grant_list(identity, "ListCompiled", [prefix, f"{prefix}/*"])
        self._grant_objects(identity, "KeepCompiled", prefix, "s3:GetObject", "s3:PutObject")
        self._grant_key(identity, "EncryptCompiled", "kms:GenerateDataKey")

    def grant_read_programs(self, identity: iam.Role, prefix: str) -> None:
        """Let `identity` read compiled programs below `prefix`: they run as they are loaded, so who serves must not
        write there. Beside `grant_read`, which lets it decrypt."""
        self._grant_list(identity, "ListPrograms", [prefix, f"{prefix}/*"])
        self._grant_objects(identity, "ReadPrograms", prefix, "s3:GetObject")

    def grant_write_programs(self, identity: iam.Role, prefix: str) -> None:
        """Let `identity` write compiled programs below `prefix`, without reading or deleting any. Beside `grant_read`:
        S3 decrypts the parts of an upload when it puts them together."""
        self._grant_list(identity, "ListPrograms", [prefix, f"{prefix}/*"])
        self._grant_objects(identity, "WritePrograms", prefix, "s3:AbortMultipartUpload", "s3:PutObject")
        self._grant_key(identity, "EncryptPrograms", "kms:GenerateDataKey")

    def grant_data(self, identity: iam.Role) -> None:
        """Let `identity` read all data sets."""
        self._grant_objects(identity, "ReadData", DATASETS_PREFIX, "s3:GetObject")

    def grant_results(self, identity: iam.Role, job: str) -> None:
        """Let `identity` read, write and delete in the job's own folder."""
        own = f"{RESULTS_PREFIX}/{job}"
        self._grant_list(identity, "ListOwn", [f"{own}/*"])
        keep = ("s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject")
        self._grant_objects(identity, "KeepOwn", own, *keep)
        self._grant_key(identity, "EncryptOwn", "kms:GenerateDataKey")

    def grant_write(self, identity: iam.Role) -> None:
        """Let `identity` list, upload and look at the files of every model: with what checksum a file was uploaded is
        only told to who may read it. It deletes nothing, and what it overwrites can be fetched back."""
        self._grant_list(identity, "ListModels", [MODELS_PREFIX, f"{MODELS_PREFIX}/*"])
        upload = ("s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject")
        self._grant_objects(identity, "UploadModels", MODELS_PREFIX, *upload)
        # Decrypt too: S3 reads the parts of an upload again when it puts them together.
        by_s3 = {"StringEquals": {"kms:ViaService": f"s3.{Stack.of(self).region}.amazonaws.com"}}
        self._grant_key(identity, "EncryptModels", "kms:Decrypt", "kms:GenerateDataKey", conditions=by_s3)


class ModelReader(Construct):
    """Access of one model's service account, by Pod Identity: to read its weights and, where its pods compile
    programs, to keep those below `compile_cache`, or to read those below `programs`."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's name
        *,
        store: ModelStore,
        cluster: eks.ICluster,
        model: str,
        namespace: str,
        service_account: str,
        compile_cache: str | None = None,
        programs: str | None = None,
    ) -> None:
        super().__init__(scope, id)
        role = pod_identity_role(self, "Role", cluster=cluster, namespace=namespace, service_account=service_account)
        store.grant_read(role, model)
        if compile_cache is not None:
            store.grant_compile_cache(role, compile_cache)
        if programs is not None:
            store.grant_read_programs(role, programs)
        self.resource = associate(self, cluster, namespace, service_account, role)


class ProgramWriter(Construct):
    """Access of the job that compiles a model's programs, by Pod Identity: to read the weights and write the programs.
    The model's own pods have another account, which cannot write them."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's name
        *,
        store: ModelStore,
        cluster: eks.ICluster,
        model: str,
        namespace: str,
        programs: ProgramStore,
    ) -> None:
        super().__init__(scope, id)
        account = programs.account
        role = pod_identity_role(self, "Role", cluster=cluster, namespace=namespace, service_account=account)
        store.grant_read(role, model)
        store.grant_write_programs(role, programs.prefix)
        self.resource = associate(self, cluster, namespace, account, role)


class ModelWriter(Construct):
    """The right of one service account to upload weights, by Pod Identity, and to read the one secret that it needs."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's name
        *,
        store: ModelStore,
        cluster: eks.ICluster,
        namespace: str,
        service_account: str,
        hub_token: str | None = None,
    ) -> None:
        super().__init__(scope, id)
        role = pod_identity_role(self, "Role", cluster=cluster, namespace=namespace, service_account=service_account)
        store.grant_write(role)
        if hub_token is not None:
            # A secret under a customer key needs that key's policy to let the role decrypt: which one cannot be known.
            role.add_to_policy(
                iam.PolicyStatement(
                    sid="ReadHubToken",
                    actions=["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
                    resources=[hub_token],
                )
            )
        self.resource = associate(self, cluster, namespace, service_account, role)


class FineTuneAccess(Construct):
    """Access of one fine-tuning job's service account, by Pod Identity: its model and the data to read, and a folder of
    its own in which it also deletes, since a checkpoint is worth nothing once there is a newer one. What the job has in
    Lustre it needs no right to in the bucket."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's name
        *,
        store: ModelStore,
        cluster: eks.ICluster,
        job: str,
        model: str,
        namespace: str,
        service_account: str,
        reads_data: bool = True,
        keeps_results: bool = True,
    ) -> None:
        super().__init__(scope, id)
        role = pod_identity_role(self, "Role", cluster=cluster, namespace=namespace, service_account=service_account)
        store.grant_read(role, model)
        if reads_data:
            store.grant_data(role)
        if keeps_results:
            store.grant_results(role, job)
        self.resource = associate(self, cluster, namespace, service_account, role)
