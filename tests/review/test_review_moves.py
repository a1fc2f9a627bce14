"""Which models move, and why."""

from __future__ import annotations

from pathlib import Path

from review_sides import Json, placed, planned, side

from ai_on_eks.review.moves import Change, Move, moves


def compared(tmp_path: Path, before: Json | None, after: Json | None) -> tuple[Move, ...] | None:
    return moves(side(tmp_path, "before", plan=before), side(tmp_path, "after", plan=after))


def test_given_the_same_plan_when_compared_then_nothing_moves(tmp_path: Path) -> None:
    plan = planned(placed("a", "g6.xlarge", 0.8))
    assert compared(tmp_path, plan, plan) == ()


def test_given_a_side_without_a_plan_when_compared_then_it_is_unknown(tmp_path: Path) -> None:
    assert compared(tmp_path, None, planned()) is None


def test_given_the_old_place_is_refused_now_when_compared_then_the_rule_and_what_was_asked_are_told(
    tmp_path: Path,
) -> None:
    rejection = {
        "instance_type": "g6.xlarge",
        "engine": "vllm",
        "rule": "memory",
        "reason": "needs 27.0 GiB of 22.2 GiB",
    }
    found = compared(
        tmp_path,
        planned(placed("a", "g6.xlarge", 0.8)),
        planned(
            placed("a", "g7e.2xlarge", 3.4, rejected=[rejection], serving={"context_tokens": 32768, "concurrency": 4})
        ),
    )
    assert found is not None
    (move,) = found
    assert move.change is Change.MOVED
    assert (move.before, move.after) == (
        "1 × g6.xlarge (1 × l4 a replica), 1 × vllm",
        "1 × g7e.2xlarge (1 × rtx-pro-6000 a replica), 1 × vllm",
    )
    assert move.reasons == (
        "g6.xlarge fails memory now: needs 27.0 GiB of 22.2 GiB",
        "serving.context_tokens: 4096 to 32768",
    )


def test_given_the_old_place_would_still_do_when_compared_then_its_price_is_told(tmp_path: Path) -> None:
    accepted = {"instance_type": "g6.xlarge", "engine": "vllm", "nodes": 5, "usd_per_hour": 4.0}
    serving = {"context_tokens": 4096, "concurrency": 20}
    found = compared(
        tmp_path,
        planned(placed("a", "g6.xlarge", 0.8)),
        planned(placed("a", "g7e.2xlarge", 3.4, accepted=[accepted], serving=serving)),
    )
    assert found is not None
    assert found[0].reasons == ("5 × g6.xlarge would cost 4.000 $/h now, +0.600", "serving.concurrency: 4 to 20")


def test_given_larger_weights_when_compared_then_the_term_is_told(tmp_path: Path) -> None:
    found = compared(
        tmp_path,
        planned(placed("a", "g6.xlarge", 0.8)),
        planned(placed("a", "g7e.2xlarge", 3.4, weights_bytes=32 * 2**30)),
    )
    assert found is not None
    assert found[0].reasons == ("weights: 16.00 GiB to 32.00 GiB a replica",)


def test_given_nothing_but_prices_when_compared_then_both_choices_are_told(tmp_path: Path) -> None:
    found = compared(tmp_path, planned(placed("a", "g6.xlarge", 0.8)), planned(placed("a", "g7e.2xlarge", 0.7)))
    assert found is not None
    assert found[0].reasons == ("was: g6.xlarge is the cheapest; is: g7e.2xlarge is the cheapest",)


def test_given_more_nodes_of_the_same_type_when_compared_then_it_is_resized(tmp_path: Path) -> None:
    found = compared(
        tmp_path,
        planned(placed("a", "g6.xlarge", 0.8)),
        planned(placed("a", "g6.xlarge", 0.8, nodes=2, serving={"context_tokens": 4096, "concurrency": 8})),
    )
    assert found is not None
    assert (found[0].change, found[0].reasons) == (Change.RESIZED, ("serving.concurrency: 4 to 8",))


def test_given_models_that_come_and_go_when_compared_then_both_are_told(tmp_path: Path) -> None:
    found = compared(tmp_path, planned(placed("a", "g6.xlarge", 0.8)), planned(placed("b", "g6.xlarge", 0.8)))
    assert found is not None
    assert [(one.model, one.change) for one in found] == [("b", Change.ADDED), ("a", Change.REMOVED)]
