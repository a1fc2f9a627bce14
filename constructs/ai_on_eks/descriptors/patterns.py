"""Forms that text values must have: the expression for the machine, the words for the reader, an example for the fix.

Every expression is anchored at both ends and admits no quotes, blanks, `$` or control characters: these values end up
in Kubernetes names, paths, IAM policies and container arguments.
"""

from __future__ import annotations

from msgspec import Struct


class Form(Struct, frozen=True):
    """One form of text. `words` completes the sentence 'write …'."""

    expression: str
    words: str
    example: str


NAME = Form(
    r"^[a-z]([-a-z0-9]{0,51}[a-z0-9])?$",
    "1 to 53 lower-case letters, digits and hyphens, starting with a letter and not ending with a hyphen",
    "llama-3-1-8b-instruct",
)
TASK = Form(
    r"^[a-z][a-z0-9-]{1,62}$",
    "a Hugging Face pipeline tag: lower-case letters, digits and hyphens",
    "text-generation",
)
URI = Form(
    r"^(hf|s3|https|file)://[A-Za-z0-9._~/@:=+%-]+$",
    "hf://org/name, s3://bucket/prefix, https://… or file://… without blanks, quotes or query",
    "hf://meta-llama/Llama-3.1-8B-Instruct",
)
REVISION = Form(
    r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*$",
    "a commit hash or tag: letters, digits, dots, hyphens and underscores",
    "0e9e39f249a16976918f6564b8830bc894c89659",
)
RELATIVE_FILE = Form(
    r"^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*$",
    "a relative path inside the source, without '..'",
    "onnx/model.onnx",
)
SCHEME = Form(
    r"^[a-z0-9][a-z0-9_.-]*(:[a-z0-9][a-z0-9_.-]*)?$",
    "the name of a quantization method, with its variant after a colon",
    "gguf:q4_k_m",
)
CIDR = Form(r"^\d{1,3}(\.\d{1,3}){3}/\d{1,2}$", "an IPv4 range", "203.0.113.0/24")
KUBERNETES_VERSION = Form(
    r"^1\.3[4-6]$", "a Kubernetes version in EKS standard support, 1.34 to 1.36, in quotes", "'1.36'"
)
"""The same as `catalog/data/versions.json` has, which descriptors cannot read; a test compares the two."""

PRINCIPAL_ARN = Form(
    r"^arn:aws[a-z-]*:iam::\d{12}:(role|user)/[A-Za-z0-9+=,.@_/-]+$",
    "the ARN of an IAM role or user",
    "arn:aws:iam::111122223333:role/platform-admin",
)
BUCKET = Form(
    r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
    "an S3 bucket name: 3 to 63 lower-case letters, digits, dots and hyphens",
    "my-model-weights",
)
PLATFORM_NAME = Form(
    r"^[a-z]([-a-z0-9]{0,30}[a-z0-9])?$",
    "1 to 32 lower-case letters, digits and hyphens, starting with a letter and not ending with a hyphen",
    "ai-on-eks",
)
REGION = Form(r"^[a-z]{2}(-[a-z]+)+-\d$", "an AWS region", "us-east-1")
ACCOUNT = Form(r"^\d{12}$", "twelve digits, in quotes", "'111122223333'")
NAMESPACE = Form(
    r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$",
    "1 to 63 lower-case letters, digits and hyphens, starting with a letter and not ending with a hyphen",
    "models",
)
DAILY_TIME = Form(r"^([01]\d|2[0-3]):[0-5]\d$", "hours and minutes, in quotes", "'03:00'")
WEEKLY_TIME = Form(
    r"^[1-7]:([01]\d|2[0-3]):[0-5]\d$",
    "day of the week, hours and minutes, in quotes",
    "'7:04:00'",
)
ACCELERATOR = Form(
    r"^[a-z0-9][a-z0-9.-]{0,62}$",
    "an accelerator as 'ai-on-eks catalog accelerators' prints it, or cpu",
    "l40s",
)
ENGINE = Form(
    r"^[a-z0-9][a-z0-9-]{0,62}$",
    "a serving engine's name as docs/engines.md lists them",
    "vllm",
)
INSTANCE_FAMILY = Form(r"^[a-z][a-z0-9-]{0,30}$", "an EC2 instance family", "g6e")
QUOTA_CODE = Form(r"^L-[0-9A-Z]{8}$", "the code of a service quota: L- and eight letters or digits", "L-DB2E81BA")
INSTANCE_TYPE = Form(r"^[a-z][a-z0-9-]*\.[a-z0-9-]+$", "an EC2 instance type", "m7i.large")
ADD_ON_VERSION = Form(r"^v\d+\.\d+\.\d+-eksbuild\.\d+$", "an add-on's version as EKS lists it", "v1.22.4-eksbuild.3")
REGISTRY = Form(
    r"^[a-z0-9-]+(\.[a-z0-9-]+)+(:\d{1,5})?(/[a-z0-9]+([._-][a-z0-9]+)*)*$",
    "a registry, with a path where one is wanted, without scheme",
    "111122223333.dkr.ecr.us-east-1.amazonaws.com/mirror",
)
VPC_ID = Form(r"^vpc-[0-9a-f]{8,17}$", "the id of a VPC: vpc- and hexadecimal digits", "vpc-0123456789abcdef0")
SUBNET_ID = Form(
    r"^subnet-[0-9a-f]{8,17}$", "the id of a subnet: subnet- and hexadecimal digits", "subnet-0123456789abcdef0"
)
ZONE_ID = Form(r"^[a-z]{2,}\d-az\d{1,2}$", "the id of an availability zone", "use1-az4")
RESERVATION_ID = Form(
    r"^cr-[0-9a-f]{8,17}$", "the id of a capacity reservation: cr- and hexadecimal digits", "cr-0123456789abcdef0"
)
TOPIC_ARN = Form(
    r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}$",
    "the ARN of a standard SNS topic",
    "arn:aws:sns:us-east-1:111122223333:platform-alarms",
)
SECRET_ARN = Form(
    r"^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[A-Za-z0-9/_+=.@-]{1,505}-[A-Za-z0-9]{6}$",
    "the full ARN of a Secrets Manager secret, with the six characters at its end",
    "arn:aws:secretsmanager:us-east-1:111122223333:secret:hub-token-AbCdEf",
)
PROMETHEUS_WORKSPACE = Form(
    r"^ws-[0-9a-f-]{36}$",
    "the id of a Prometheus workspace: ws- and a UUID",
    "ws-12345678-abcd-4bcd-9abc-123456789012",
)
EMAIL = Form(r"^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$", "an e-mail address", "platform@example.com")
MOMENT = Form(
    r"^20\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$",
    "a date and a time of day in UTC",
    "2026-12-08T11:30:00Z",
)
DOMAIN = Form(
    r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+$",
    "a domain name in lower case, without a dot at its end",
    "models.example.com",
)
CERTIFICATE_ARN = Form(
    r"^arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate/[0-9a-f-]{36}$",
    "the ARN of a certificate of AWS Certificate Manager",
    "arn:aws:acm:us-east-1:111122223333:certificate/12345678-abcd-4bcd-9abc-123456789012",
)
TRUST_STORE_ARN = Form(
    r"^arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:\d{12}:truststore/[A-Za-z0-9-]{1,32}/[0-9a-f]{16}$",
    "the ARN of a trust store of Elastic Load Balancing",
    "arn:aws:elasticloadbalancing:us-east-1:111122223333:truststore/callers/0123456789abcdef",
)
HTTPS_URL = Form(
    r"^https://[A-Za-z0-9.-]+(:\d{1,5})?(/[A-Za-z0-9._~%/-]*)?$",
    "https:// with a host and a path, without query",
    "https://issuer.example.com/.well-known/jwks.json",
)
AUDIENCE = Form(r"^[A-Za-z0-9._~:/@-]{1,256}$", "an audience without blanks or quotes", "ai-on-eks-models")
PLACEMENT_GROUP = Form(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$", "the name of an EC2 placement group", "near-each-other")

CONNECTION_ARN = Form(
    r"^arn:aws[a-z-]*:(codeconnections|codestar-connections):[a-z0-9-]+:\d{12}:connection/[0-9a-f-]{36}$",
    "the ARN of a CodeConnections connection",
    "arn:aws:codeconnections:us-east-1:111122223333:connection/01234567-89ab-cdef-0123-456789abcdef",
)
REPOSITORY = Form(r"^[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_./-]{1,100}$", "organization/name", "org/platform")
BRANCH = Form(r"^[A-Za-z0-9_][A-Za-z0-9_./-]{0,199}$", "the name of a branch", "main")
SECURITY_GROUP_ID = Form(r"^sg-[0-9a-f]{8,17}$", "the id of a security group", "sg-0123456789abcdef0")
CACHE_SECRET_ARN = Form(
    r"^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:ecr-pullthroughcache/[A-Za-z0-9/_+=.@-]{1,200}$",
    "the ARN of a secret whose name begins with ecr-pullthroughcache/",
    "arn:aws:secretsmanager:us-east-1:111122223333:secret:ecr-pullthroughcache/docker-AbCdEf",
)
REPOSITORY_URL = Form(
    r"^(https://|ssh://git@)[A-Za-z0-9.-]+(:\d{2,5})?(/[A-Za-z0-9_.~-]+){1,8}$",
    "the address of a Git repository, by https or ssh, without a password in it",
    "https://git.example.com/org/platform.git",
)
IDENTITY_CENTER_ARN = Form(
    r"^arn:aws[a-z-]*:sso:::instance/(ssoins|sso)-[0-9a-f]{16}$",
    "the ARN of an instance of IAM Identity Center",
    "arn:aws:sso:::instance/ssoins-0123456789abcdef",
)
IDENTITY_CENTER_ID = Form(
    r"^([0-9a-f]{10}-)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
    "the id of a group in IAM Identity Center",
    "01234567-89ab-cdef-0123-456789abcdef",
)
RELATIVE_PATH = Form(
    r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}(/[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}){0,8}$",
    "a path below the folder of the file that names it",
    "platforms/prod.yaml",
)
STACK = Form(
    r"^[A-Za-z0-9/_-]{1,200}$", "the name of a stack as in cdk.out, without .template.json", "ai-on-eks-storage"
)
LOGICAL_IDS = Form(r"^[A-Za-z0-9]{1,255}\*?$", "a logical id, or its beginning and a star", "Lustre*")
DAY = Form(r"^20\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$", "a day as year, month and day", "2026-12-31")
NOT_BLANK = Form(r"^.*\S.*$", "a line of text", "moves to the zone of the new reservation")

FORMS = {
    form.expression: form
    for form in (
        NAME, TASK, URI, REVISION, RELATIVE_FILE, SCHEME, CIDR, KUBERNETES_VERSION, PRINCIPAL_ARN, BUCKET,
        PLATFORM_NAME, REGION, ACCOUNT, NAMESPACE, ACCELERATOR, ENGINE, INSTANCE_FAMILY, INSTANCE_TYPE, QUOTA_CODE,
        RESERVATION_ID, VPC_ID, SUBNET_ID, ZONE_ID, TOPIC_ARN, PROMETHEUS_WORKSPACE, EMAIL, ADD_ON_VERSION, REGISTRY,
        MOMENT, PLACEMENT_GROUP, DAILY_TIME, WEEKLY_TIME, STACK, LOGICAL_IDS, DAY, NOT_BLANK, SECRET_ARN,
        CONNECTION_ARN, REPOSITORY, BRANCH, SECURITY_GROUP_ID, RELATIVE_PATH,
        REPOSITORY_URL, IDENTITY_CENTER_ARN, IDENTITY_CENTER_ID, CACHE_SECRET_ARN,
        DOMAIN, CERTIFICATE_ARN, TRUST_STORE_ARN, HTTPS_URL, AUDIENCE,
    )
}  # fmt: skip
