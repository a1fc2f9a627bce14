"""The comparison of what was found with what is accepted, and what is accepted."""

from __future__ import annotations

from collections import Counter

from scan_accepted import Accepted, accepted, differences, pairs

LIMITS = Accepted(checks=("CKV_K8S_11",), pods=("Deployment model", "Job sync"), reason="Throttles.")
FOUND = {("CKV_K8S_11", "Deployment model"): "llama", ("CKV_K8S_11", "Job sync"): "copy"}


def test_given_a_reason_for_each_finding_when_compared_then_nothing_is_told() -> None:
    assert differences(FOUND, [LIMITS]) == []


def test_given_a_finding_on_another_kind_of_pod_when_compared_then_it_is_told_with_an_example() -> None:
    assert differences({**FOUND, ("CKV_K8S_11", "JobSet node"): "tune"}, [LIMITS]) == [
        "CKV_K8S_11 on JobSet node, as of tune"
    ]


def test_given_another_check_on_a_known_kind_when_compared_then_it_is_told() -> None:
    assert differences({**FOUND, ("CKV_K8S_16", "Job sync"): "copy"}, [LIMITS]) == [
        "CKV_K8S_16 on Job sync, as of copy"
    ]


def test_given_a_reason_that_nothing_needs_when_compared_then_it_is_told() -> None:
    found = {key: value for key, value in FOUND.items() if key[1] != "Job sync"}
    assert differences(found, [LIMITS]) == ["CKV_K8S_11 on Job sync is accepted and was not found"]


def test_given_the_file_when_read_then_nothing_is_accepted_twice_and_each_entry_gives_a_reason() -> None:
    entries = accepted()
    assert [pair for pair, count in Counter(pairs(entries)).items() if count > 1] == []
    assert [one for one in entries if len(one.reason.split()) < 10] == []
