"""Our own rules: each catches its planted faults, none objects to what is good or unknown."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import review_samples as samples
from review_fault_autoscaling import FAULTS as AUTOSCALING_FAULTS
from review_fault_jobs import FAULTS as JOB_FAULTS
from review_fault_objects import FAULTS as OBJECT_FAULTS
from review_fault_serving import FAULTS as SERVING_FAULTS
from review_fault_templates import TEMPLATE_FAULTS
from review_fault_traffic import FAULTS as TRAFFIC_FAULTS
from review_faults import Fault
from review_grouped import grouped
from review_jobs import jobs
from review_routed import behind_existing_gateway, behind_load_balancer
from review_sample import Sample
from review_samples import one
from review_scaled import scaled

from ai_on_eks.errors import Problem
from ai_on_eks.kube import expansion
from ai_on_eks.kube.objects import llm_inference_service
from ai_on_eks.kube.objects.inference_service import predictor_name
from ai_on_eks.kube.objects.labels import PLAN_DIGEST_LABEL
from ai_on_eks.review.rules import autoscaling, group_rules, kserve_rules
from ai_on_eks.review.rules.acknowledged import ACKNOWLEDGED, Acknowledgement
from ai_on_eks.review.rules.assembly import read_assembly
from ai_on_eks.review.rules.checking import findings
from ai_on_eks.review.rules.ownership_rules import OWNERSHIP
from ai_on_eks.review.rules.table import RULES
from ai_on_eks.serving.ownership import MANAGED_BY_LABEL, NAME_LABEL, REVISION_LABEL

GOOD = {
    **samples.GOOD,
    "grouped": grouped,
    "jobs": jobs,
    "scaled": scaled,
    "behind a load balancer": behind_load_balancer,
    "behind a gateway": behind_existing_gateway,
}
FAULTS = [
    *TEMPLATE_FAULTS, *OBJECT_FAULTS, *SERVING_FAULTS, *AUTOSCALING_FAULTS, *JOB_FAULTS, *TRAFFIC_FAULTS,
]  # fmt: skip
LEAST_FAULTS = 500
"""So many are planted; fewer means that some were lost."""

CONSEQUENCES = {
    "budget-missing": {"pod-spread-missing"},
    "efa-interface-place": {"efa-interface-count"},
    "efa-zones": {"node-capacity-block"},
    "neuron-plugin-twice": {"pod-memory-unbounded"},
    "node-capacity-block": {"efa-zones"},
    "node-image-mismatch": {"efa-interface-count", "node-data-volume", "node-user-data-system"},
    "node-market-mismatch": {"node-capacity-block"},
    "node-user-data-system": {"node-neuron-ownership"},
    "pod-efa-hugepages": {"pod-efa-provider"},
    "pod-neuron-units": {"pod-toleration-missing"},
}
"""What else some faults of a code break: one node cannot be in a capacity block and in two zones."""


def judged(sample: Sample) -> tuple[Problem, ...]:
    return findings(read_assembly(sample.templates, sample.objects), ACKNOWLEDGED)


@pytest.mark.parametrize("sample", GOOD.values(), ids=list(GOOD))
def test_given_what_is_good_when_judged_then_nothing_is_found(sample: Any) -> None:
    assert judged(sample()) == ()


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_given_a_planted_fault_when_judged_then_it_is_told_and_nothing_else(fault: Fault) -> None:
    sample = fault.sample()
    fault.plant(sample)
    codes = {problem.code for problem in judged(sample)}
    assert fault.code in codes
    assert codes - {fault.code} <= CONSEQUENCES.get(fault.code, set())


def test_given_the_corpus_when_counted_then_every_rule_has_a_planted_fault() -> None:
    planted = Counter(fault.code for fault in FAULTS)
    print(f"{len(FAULTS)} planted faults for {len(RULES)} rules")
    assert len(FAULTS) >= LEAST_FAULTS
    assert set(planted) == {rule.code for rule in RULES}


def test_given_the_table_when_read_then_codes_are_unique_and_every_rule_explains_itself() -> None:
    assert [code for code, count in Counter(rule.code for rule in RULES).items() if count > 1] == []
    assert [
        rule.code for rule in RULES if not (rule.applies and rule.what and rule.why.endswith(".") and rule.fix)
    ] == []


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place below a value, except inside intrinsic functions."""
    if path:
        yield path
    if isinstance(value, dict) and not (len(value) == 1 and next(iter(value)).startswith(("Fn::", "Ref"))):
        for key, item in value.items():
            yield from paths(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from paths(item, (*path, index))


PROPERTIES = [
    (sample.__name__, file, name)
    for sample in (samples.ours, samples.distributed, samples.bottlerocket, samples.automatic)
    for file, template in sample().templates.items()
    for name, resource in template["Resources"].items()
    if "Properties" in resource and resource["Type"] != "AWS::EC2::FlowLog"
]


@pytest.mark.parametrize(("sample", "file", "name"), PROPERTIES)
def test_given_any_value_that_only_a_deployment_knows_when_judged_then_nothing_is_found(
    sample: str, file: str, name: str
) -> None:
    """GIVEN good templates WHEN one value after the other, and every mapping and list, becomes an import."""
    template = samples.GOOD[sample]().templates[file]
    properties = template["Resources"][name]["Properties"]
    told = {}
    for path in [*paths(properties)]:
        holder = properties
        for step in path[:-1]:
            holder = holder[step]
        kept, holder[path[-1]] = holder[path[-1]], {"Fn::ImportValue": "elsewhere"}
        told[path] = [problem.code for problem in findings(read_assembly({file: template}))]
        holder[path[-1]] = kept
    assert {path: codes for path, codes in told.items() if codes} == {}


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("metadata", "labels"), "text"),
        (("spec", "template", "spec", "containers", 0, "resources", "requests", "memory"), None),
        (("spec", "template", "spec", "containers", 0, "resources", "requests", "memory"), "much"),
        (("spec", "template", "spec", "nodeSelector"), {"node.kubernetes.io/instance-type": None}),
        (("spec", "template", "spec", "nodeSelector"), {"node.kubernetes.io/instance-type": ["g6.xlarge"]}),
    ],
)
def test_given_an_object_that_kubernetes_would_refuse_when_judged_then_the_rules_go_on(
    place: tuple[Any, ...], value: Any
) -> None:
    sample = samples.ours()
    (deployment,) = [one for one in sample.objects["resnet-50.yaml"] if one["kind"] == "Deployment"]
    holder: Any = deployment
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = value
    deployment["spec"]["template"]["spec"]["hostNetwork"] = True
    assert "pod-not-restricted" in {problem.code for problem in judged(sample)}


def test_given_a_finding_when_printed_then_it_names_file_resource_and_fix() -> None:
    sample = samples.ours()
    sample.resource("AWS::EKS::Cluster")["Properties"]["DeletionProtection"] = False
    (problem,) = judged(sample)
    assert str(problem) == (
        "cluster.template.json: error[eks-deletable] Resources.Cluster9EE0221C: deletion protection is off\n"
        "    fix: set DeletionProtection"
    )


def test_given_a_fault_in_an_applied_object_when_judged_then_resource_and_object_are_named() -> None:
    sample = samples.applied()
    parts = sample.resource("Custom::AWSCDK-EKS-KubernetesResource")["Properties"]["Manifest"]["Fn::Join"][1]
    parts[0] = parts[0].replace(
        '"kind": "Namespace", "metadata": {"labels": {', '"kind": "Namespace", "metadata": {"l": {'
    )
    parts[-1] = parts[-1].replace('"type": "ClusterIP"', '"type": "NodePort"')
    told = {(problem.code, problem.file, problem.path) for problem in judged(sample)}
    assert told == {
        ("namespace-unguarded", "applied.template.json", "Resources.Model Namespace/models"),
        ("service-exposed", "applied.template.json", "Resources.Model Service/llama-3-3-70b-instruct"),
    }


def test_given_an_acknowledgement_when_judged_then_only_its_finding_passes() -> None:
    template = {"Resources": {name: one("AWS::EC2::Volume", {"Encrypted": False}) for name in ("ScratchA", "DataB")}}
    passed = Acknowledgement("ebs-unencrypted", "Resources.Scratch*", "holds nothing but caches of public models")
    (problem,) = findings(read_assembly({"t.json": template}), [passed])
    assert problem.path == "Resources.DataB"


def test_given_an_acknowledgement_without_a_reason_when_made_then_it_is_refused() -> None:
    with pytest.raises(ValueError, match="without a reason"):
        Acknowledgement("ebs-unencrypted", "*", " ")


def test_given_labels_of_ownership_when_compared_then_they_are_those_that_are_written() -> None:
    assert set(OWNERSHIP) == {NAME_LABEL, MANAGED_BY_LABEL, REVISION_LABEL, PLAN_DIGEST_LABEL}
    assert group_rules.EXCLUSIVE_TOPOLOGY == expansion.EXCLUSIVE_TOPOLOGY


def test_given_names_of_kserve_when_compared_then_they_are_those_that_are_written() -> None:
    assert predictor_name("llama") == f"llama{autoscaling.PREDICTOR_SUFFIX}"
    assert autoscaling.LLM_GROUP_SUFFIX == llm_inference_service.GROUP_SUFFIX
    assert llm_inference_service.PRESET.startswith(kserve_rules.PREFIX)


def test_given_the_rules_when_imported_then_neither_cdk_nor_node_is() -> None:
    program = (
        "import sys, ai_on_eks.review.rules.checking, ai_on_eks.review.rules.synth\n"
        "print(sorted({'aws_cdk', 'cdk8s', 'jsii', 'constructs', 'boto3', 'botocore'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
