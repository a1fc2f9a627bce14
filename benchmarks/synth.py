"""How long a full synthesis of the default platform takes beside a bare CDK app with the same resources.

    python -m benchmarks.synth [runs]

    ours    plans the models, renders the objects, makes all stacks and judges them by our rules: what app.py does
    bare    a CDK app without any of that: VPC, cluster with its kubectl function, bucket, applied objects and the Helm
            release by the library's own constructs, everything else by plain `CfnResource` with the properties of ours

Both are new processes that start Node by jsii, alternating; CDK's template validation is off in both. The claim: ours
takes at most 1.25 times as long.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DEFAULT_RUNS = 5

BARE = """
import json, sys
from pathlib import Path
from aws_cdk import App, CfnResource, Environment, Stack
from aws_cdk import aws_ec2 as ec2, aws_eks_v2 as eks, aws_kms as kms, aws_logs as logs, aws_s3 as s3
from aws_cdk.lambda_layer_kubectl_v36 import KubectlV36Layer

folder, outdir = map(Path, sys.argv[1:])
templates = {path.name.split(".")[0].rsplit("-", 1)[1]: json.loads(path.read_text()) for path in folder.glob("*.template.json")}
app = App(outdir=str(outdir), analytics_reporting=False, builtin_cloud_formation_validation=False)
stacks = {name: Stack(app, name) for name in sorted(templates)}

def of(name, *types):
    return [(key, one) for key, one in templates[name]["Resources"].items() if one["Type"] in types]

def plain(name, *types):
    for key, one in of(name, *types):
        CfnResource(stacks[name], key, type=one["Type"], properties=one["Properties"])

network = stacks["network"]
vpc = ec2.Vpc(network, "Vpc", max_azs=3, nat_gateways=1, restrict_default_security_group=False,
              gateway_endpoints={"S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3)})
vpc.add_flow_log("FlowLog", destination=ec2.FlowLogDestination.to_cloud_watch_logs(logs.LogGroup(network, "Logs")))
key = kms.Key(stacks["cluster"], "Key")
cluster = eks.Cluster(stacks["cluster"], "Cluster", vpc=vpc, version=eks.KubernetesVersion.of("1.36"),
                      secrets_encryption_key=key, default_capacity_type=eks.DefaultCapacityType.NODEGROUP, default_capacity=0,
                      kubectl_provider_options=eks.KubectlProviderOptions(kubectl_layer=KubectlV36Layer(stacks["cluster"], "Layer")))
plain("cluster", "AWS::EKS::Addon", "AWS::Logs::LogGroup")
plain("capacity", "AWS::IAM::Role", "AWS::EC2::LaunchTemplate", "AWS::EKS::Nodegroup", "AWS::EC2::SecurityGroup")
plain("addons", "AWS::EKS::Addon", "AWS::IAM::Role")
s3.Bucket(stacks["storage"], "Bucket", encryption=s3.BucketEncryption.KMS, enforce_ssl=True, versioned=True)
plain("storage", "AWS::IAM::Role", "AWS::IAM::Policy", "AWS::EKS::PodIdentityAssociation")
for name in ("addons", "serving"):
    for key, one in of(name, "Custom::AWSCDK-EKS-KubernetesResource"):
        text = one["Properties"]["Manifest"]
        parts = text["Fn::Join"][1] if isinstance(text, dict) else [text]
        objects = json.loads("".join(part if isinstance(part, str) else "token" for part in parts))
        eks.KubernetesManifest(stacks[name], key, cluster=cluster, manifest=objects)
    for key, one in of(name, "Custom::AWSCDK-EKS-HelmChart"):
        properties = one["Properties"]
        eks.HelmChart(stacks[name], key, cluster=cluster, chart=properties["Chart"], repository=properties["Repository"],
                      version=properties["Version"], values=json.loads(properties["Values"]))
app.synth()
"""

OURS = """
import sys
from pathlib import Path
import app
from ai_on_eks.files import replace_folder_atomically
deployment, _ = app.read_deployment(str(app.ROOT / "platform.yaml"), app.ROOT / "models")
outdir = Path(sys.argv[1])
from stacks.application import build_app
build_app(deployment, lambda bucket: app.render_charts(deployment, bucket), outdir=str(outdir), validate=False).synth()
app.refuse_findings(deployment, outdir)
app.manifest_files(deployment)
"""


def seconds(script: str, *arguments: Path) -> float:
    """Wall time of one process."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "constructs")))}
    start = time.perf_counter()
    subprocess.run(  # noqa: S603 - our own scripts
        [sys.executable, "-c", script, *map(str, arguments)], cwd=ROOT, env=environment, check=True, capture_output=True
    )
    return time.perf_counter() - start


def resources(folder: Path) -> int:
    """In all templates of a cloud assembly, those of nested stacks too."""
    found = (json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.template.json"))
    return sum(len(template["Resources"]) for template in found)


def main() -> int:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_RUNS
    with tempfile.TemporaryDirectory() as scratch:
        templates, again = Path(scratch) / "templates", Path(scratch) / "again"
        seconds(OURS, templates)  # also a warm-up
        seconds(BARE, templates, again)
        counts = [resources(folder) for folder in (templates, again)]
        ours, bare = [], []
        for number in range(runs):
            ours.append(seconds(OURS, Path(scratch) / f"ours-{number}"))
            bare.append(seconds(BARE, templates, Path(scratch) / f"bare-{number}"))
    print(f"resources: ours {counts[0]}, bare {counts[1]}; {runs} runs each, alternating")
    for name, values in (("ours", ours), ("bare", bare)):
        print(f"{name}: {min(values):.2f} to {max(values):.2f} s, median {statistics.median(values):.2f} s")
    print(f"ratio of medians {statistics.median(ours) / statistics.median(bare):.2f}, of minima {min(ours) / min(bare):.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
