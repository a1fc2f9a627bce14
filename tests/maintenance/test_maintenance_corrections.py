"""A correction that EC2 has made needless is named, and so is one that EC2 has overtaken."""

from __future__ import annotations

from ai_on_eks.maintenance.corrections import obsolete

CORRECTION = {
    "id": "trainium2-memory",
    "instance_types": ["trn2.48xlarge", "trn2.96xlarge"],
    "was": {"memory_mib": 524288},
    "set": {"memory_mib": 98304},
}


def test_given_an_answer_that_is_still_wrong_then_nothing_is_said() -> None:
    assert obsolete([CORRECTION], {"trn2.48xlarge": {"memory_mib": 524288}}) == []


def test_given_an_answer_that_is_mended_then_the_correction_is_to_be_removed() -> None:
    assert obsolete([CORRECTION], {"trn2.48xlarge": {"memory_mib": 98304}}) == [
        "correction trainium2-memory: EC2 now answers memory_mib of trn2.48xlarge as corrected, so remove it"
    ]


def test_given_an_answer_that_is_wrong_in_a_new_way_then_somebody_has_to_look() -> None:
    (line,) = obsolete([CORRECTION], {"trn2.48xlarge": {"memory_mib": 7}})
    assert line.endswith("neither what it was nor what was set (7)")
