"""Intrinsic functions: resolved where it is certain, a hole or unknown everywhere else."""

from __future__ import annotations

from typing import Any

import pytest

from ai_on_eks.review.rules.values import HOLE, UNKNOWN, Unknown, dig, is_known, may_be, number, resolved

RESOURCES = {"Bucket": {"Type": "AWS::S3::Bucket"}}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("text", "text"),
        ({"Ref": "Bucket"}, Unknown("Bucket")),
        ({"Ref": "Parameter"}, UNKNOWN),
        ({"Ref": "AWS::Region"}, UNKNOWN),
        ({"Fn::GetAtt": ["Bucket", "Arn"]}, Unknown("Bucket", "Arn")),
        ({"Fn::GetAtt": "Bucket.Arn"}, Unknown("Bucket", "Arn")),
        ({"Fn::GetAtt": ["Other", "Arn"]}, UNKNOWN),
        ({"Fn::Join": ["-", ["a", "b"]]}, "a-b"),
        ({"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":iam"]]}, f"arn:{HOLE}:iam"),
        ({"Fn::Join": ["", {"Fn::Split": [",", "a,b"]}]}, UNKNOWN),
        ({"Fn::Sub": "a-${AWS::Region}-${!literal}"}, f"a-{HOLE}-${{literal}}"),
        ({"Fn::Sub": ["${a}", {"a": "b"}]}, UNKNOWN),
        ({"Fn::Base64": "text"}, "text"),
        ({"Fn::If": ["Condition", 1, 2]}, UNKNOWN),
        ({"a": {"Ref": "AWS::NoValue"}, "b": [1, {"Ref": "AWS::NoValue"}]}, {"b": [1]}),
        ({"Ref": "Bucket", "more": 1}, {"Ref": "Bucket", "more": 1}),
    ],
)
def test_a_value_is_resolved_as_far_as_it_is_certain(written: Any, value: Any) -> None:
    assert resolved(written, RESOURCES) == value


@pytest.mark.parametrize(
    ("value", "path", "found"),
    [
        ({"a": [{"b": 1}]}, ("a", 0, "b"), 1),
        ({"a": [{"b": 1}]}, ("a", 1, "b"), None),
        ({"a": "text"}, ("a", "b"), None),
        ({"a": UNKNOWN}, ("a", "b", 0), UNKNOWN),
        (None, ("a",), None),
    ],
)
def test_digging_tells_absent_from_unknown(value: Any, path: tuple[str | int, ...], found: Any) -> None:
    assert dig(value, *path) == found


@pytest.mark.parametrize(
    ("value", "known"), [("a", True), (HOLE, False), ([1, UNKNOWN], False), ({"a": f"x{HOLE}"}, False), ({}, True)]
)
def test_a_value_is_known_where_every_part_is(value: Any, known: bool) -> None:
    assert is_known(value) is known


@pytest.mark.parametrize(("value", "expected"), [(1, 1.0), ("2", 2.0), (True, None), ("x", None), (UNKNOWN, None)])
def test_numbers_may_be_text(value: Any, expected: float | None) -> None:
    assert number(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [("a", True), ("b", False), (None, False), (UNKNOWN, True), (HOLE, True)]
)
def test_what_is_unknown_may_be_anything(value: Any, expected: bool) -> None:
    assert may_be(value, "a") is expected
