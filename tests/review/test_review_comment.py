"""The comment: order, folding, limit, and text of strangers that stays text."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from review_sides import deployment, placed, planned, resource, side, template

from ai_on_eks.review.allowed import load_allowances
from ai_on_eks.review.markdown.comment import MARKER, MAX_CHARACTERS, comment
from ai_on_eks.review.markdown.sections import SHOWN_ENTRIES
from ai_on_eks.review.markdown.text import code, dollars, duration
from ai_on_eks.review.reviewing import Review, review

DAY = date(2026, 11, 29)
ORDER = ("Destructive", "Cost", "Security", "Placement", "Kubernetes")

HOSTILE = (
    "@everyone [click](https://evil.example) <img src=x onerror=alert(1)> <!-- --> `code` ``` **b** | a\n# h #1 "
    "</details> \u202e\u200b\x1b[31m https://evil.example &lt;"
)


def reviewed(tmp_path: Path, removed: int, *, name: str = "a", models: int = 1) -> Review:
    """Route tables that vanish, a network that is replaced, models that move, objects and images."""
    tables = {f"Table{i:05}": resource("AWS::EC2::RouteTable", {"VpcId": "vpc-1"}) for i in range(removed)}
    vpc = resource("AWS::EC2::VPC", {"CidrBlock": "10.0.0.0/16"})
    moved = resource("AWS::EC2::VPC", {"CidrBlock": "10.1.0.0/16"})
    names = [name if models == 1 else f"{name}-{i}" for i in range(models)]
    before = side(
        tmp_path,
        "before",
        {"ai": template({"Vpc": vpc, **tables})},
        plan=planned(*(placed(one, "g6.xlarge", 0.8) for one in names)),
        objects=[deployment(one, "i:1") for one in names],
    )
    after = side(
        tmp_path,
        "after",
        {"ai": template({"Vpc": moved})},
        plan=planned(*(placed(one, "g7e.2xlarge", 3.4) for one in names)),
        objects=[deployment(one, f"{name}:2") for one in names],
    )
    return review(before, after, (), DAY)


def summaries(text: str) -> list[str]:
    return [
        line.removeprefix("<summary>").partition(":")[0] for line in text.splitlines() if line.startswith("<summary>")
    ]


def test_the_comment_begins_with_the_marker_and_the_verdict_and_folds_its_sections_in_order(tmp_path: Path) -> None:
    text = comment(reviewed(tmp_path, 2))
    lines = text.splitlines()
    assert (lines[0], lines[1]) == (MARKER, "## Platform review: blocked")
    assert tuple(summaries(text)) == ORDER
    assert (text.count("<details"), text.count("</details>")) == (5, 5)
    assert text.count("<details open>") == 1
    assert text.index("<details open>") < text.index("<summary>Destructive")
    assert "3 destructive changes" in text


@pytest.mark.parametrize("removed", [0, 2, 30])
def test_given_a_block_when_its_entries_are_copied_and_filled_in_then_they_let_those_resources_through(
    tmp_path: Path, removed: int
) -> None:
    found = reviewed(tmp_path, removed)
    block = re.search(r"```yaml\n(.*?)```", comment(found), re.DOTALL)
    assert block is not None
    told = block[1].replace("release:", "release: 0.2.0").replace("reason:", "reason: meant")
    file = tmp_path / "allow-destroy.yaml"
    file.write_text(told.replace("expires:", "expires: 2099-12-31"), encoding="utf-8")
    entries = load_allowances(file)
    assert len(entries) == min(removed + 1, SHOWN_ENTRIES)
    assert all(any(entry.names(one.destruction) for one in found.blocking) for entry in entries)
    assert (f"{removed + 1 - SHOWN_ENTRIES} more" in told) == (removed >= SHOWN_ENTRIES)


@pytest.mark.parametrize("logical_id", [HOSTILE, "Vpc\n"], ids=["hostile", "line break"])
def test_given_a_logical_id_that_no_entry_can_have_when_blocked_then_no_entry_is_shown(
    tmp_path: Path, logical_id: str
) -> None:
    vpc = resource("AWS::EC2::VPC", {"CidrBlock": "10.0.0.0/16"})
    before = side(tmp_path, "before", {"ai": template({logical_id: vpc})})
    found = review(before, side(tmp_path, "after", {"ai": template({})}), (), DAY)
    assert found.is_blocked
    assert "```" not in comment(found)


@pytest.mark.parametrize(("removed", "models"), [(3000, 1), (2, 400), (3000, 400)])
def test_given_too_much_when_written_then_it_fits_and_the_destructive_part_is_cut_last(
    tmp_path: Path, removed: int, models: int
) -> None:
    text = comment(reviewed(tmp_path, removed, models=models))
    assert len(text.encode("utf-16-le")) // 2 <= MAX_CHARACTERS
    assert text.startswith(f"{MARKER}\n## Platform review: blocked")
    assert f"{removed + 1:,} destructive changes" in text
    assert tuple(summaries(text)) == ORDER
    assert "`ai/Vpc`" in text
    assert "more, all of them in the JSON document" in text
    assert (text.count("<details"), text.count("</details>")) == (5, 5)
    shown = text.count("| ❌ |")
    assert shown == removed + 1 or "Deployment" not in text, "objects are cut before anything destructive"


def test_given_two_thousand_hostile_characters_when_written_then_none_is_read_as_markdown(tmp_path: Path) -> None:
    """Outside of code spans there is nothing that we did not write."""
    text = comment(reviewed(tmp_path, 1, name=HOSTILE))
    assert "everyone" in text
    outside = re.sub(r"`[^`\n]*`", "", text.removeprefix(MARKER))
    for forbidden in ("everyone", "evil", "<img", "click", "<!--", "onerror", "\x1b", "\u202e", "**b**"):
        assert forbidden not in outside
    assert set(re.findall(r"<[^>]*>", outside)) == {
        "<details>", "<details open>", "</details>", "<summary>", "</summary>",
    }  # fmt: skip
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202a-\u202e\u2066-\u2069\u200b]", text)


def test_given_hostile_text_in_a_table_when_written_then_every_row_has_as_many_cells_as_its_head(
    tmp_path: Path,
) -> None:
    rows = [line for line in comment(reviewed(tmp_path, 1, name=HOSTILE)).splitlines() if line.startswith("|")]
    width = 0
    for previous, line in zip(["", *rows], rows, strict=False):
        if line.startswith("|---"):
            width = line.count("|")
            assert previous.count("|") == width
        elif width and not previous.startswith("|---") and line.count("|") != width:
            assert rows[rows.index(line) + 1].startswith("|---"), line


@pytest.mark.parametrize(
    ("given", "shown"),
    [("a", "`a`"), ("a`b|c", "`aˋb¦c`"), ("a\nb", "`a b`"), ("\x00", "`\\u{0}`"), ("", "`(empty)`"), ("x" * 300, None)],
)
def test_code_spans_hold_any_text_on_one_line(given: str, shown: str | None) -> None:
    assert code(given) == (shown or f"`{'x' * 239}…`")


@pytest.mark.parametrize(
    ("value", "signed", "shown"),
    [(None, False, "unknown"), (1234.5, False, "1,234.50 USD"), (-3.0, True, "-3.00 USD"), (0.0, True, "±0.00 USD")],
)
def test_money_is_shown_with_its_currency_and_the_unknown_is_not_nothing(
    value: float | None, signed: bool, shown: str
) -> None:
    assert dollars(value, signed=signed) == shown


def test_durations_are_shown_in_minutes() -> None:
    assert (duration(None), duration(42.4), duration(250)) == ("unknown", "42 s", "4 min 10 s")


def test_given_no_change_when_written_then_it_says_so(tmp_path: Path) -> None:
    stacks = {"ai": template({"Vpc": resource("AWS::EC2::VPC", {"CidrBlock": "10.0.0.0/16"})})}
    same = [side(tmp_path, name, stacks, plan=planned(placed("a", "g6.xlarge", 0.8))) for name in ("before", "after")]
    found = review(same[0], same[1], (), DAY)
    assert (found.changes_nothing, found.is_blocked) == (True, False)
    assert "## Platform review: nothing changes" in comment(found)
