"""Many questions at once: bounded, kept one by one, and never asked twice after an interruption."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ai_on_eks.maintenance.jobs import Job, run
from ai_on_eks.maintenance.resuming import FinishedJobs


def finished(folder: Path, **header: Any) -> FinishedJobs:
    return FinishedJobs(folder / "state", {"date": "2026-11-28", **header})


def failing() -> Any:
    raise ConnectionError("no answer")


def test_given_jobs_when_run_then_answers_come_in_their_order_and_progress_tells_each(tmp_path: Path) -> None:
    told: list[str] = []
    jobs = [Job(f"offerings/r{i}", lambda i=i: {str(i): i}) for i in range(5)]  # type: ignore[misc]
    answers = run(jobs, finished(tmp_path), 3, told.append)
    assert list(answers.items()) == [(f"offerings/r{i}", {str(i): i}) for i in range(5)]
    assert len(told) == 5
    assert told[-1].startswith("[5/5] offerings/r")


def test_given_more_jobs_than_workers_then_no_more_run_at_once(tmp_path: Path) -> None:
    running, most, lock = 0, 0, threading.Lock()

    def ask() -> dict[str, int]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with lock:
            running -= 1
        return {}

    run([Job(str(i), ask) for i in range(12)], finished(tmp_path), 3, lambda _: None)
    assert 1 < most <= 3


def test_given_a_failure_when_started_again_then_only_what_is_missing_is_asked(tmp_path: Path) -> None:
    asked: list[str] = []

    def ask(name: str) -> Callable[[], Any]:
        def answer() -> dict[str, str]:
            asked.append(name)
            return {"was": name}

        return answer

    first = [Job("one", ask("one")), Job("two", failing)]
    with pytest.raises(ConnectionError):
        run(first, finished(tmp_path), 1, lambda _: None)
    assert asked == ["one"]
    told: list[str] = []
    again = [Job(name, ask(name)) for name in ("one", "two", "three")]
    answers = run(again, finished(tmp_path), 1, told.append)
    assert asked == ["one", "two", "three"]
    assert answers == {name: {"was": name} for name in ("one", "two", "three")}
    assert told[0] == "1 of 3 were asked before the interruption"


def test_given_a_failure_then_what_waits_is_not_asked_any_more(tmp_path: Path) -> None:
    asked: list[int] = []

    def ask(number: int) -> Callable[[], Any]:
        def answer() -> dict[str, int]:
            time.sleep(0.02)
            asked.append(number)
            return {}

        return answer

    with pytest.raises(ConnectionError):
        run([Job("fails", failing), *(Job(str(i), ask(i)) for i in range(50))], finished(tmp_path), 1, lambda _: None)
    assert len(asked) < 10


def test_given_a_failure_then_what_was_running_is_kept(tmp_path: Path) -> None:
    started = threading.Event()

    def slow() -> dict[str, int]:
        started.set()
        time.sleep(0.05)
        return {"slow": 1}

    def fails_meanwhile() -> Any:
        started.wait()
        return failing()

    with pytest.raises(ConnectionError):
        run([Job("slow", slow), Job("fails", fails_meanwhile)], finished(tmp_path), 2, lambda _: None)
    assert finished(tmp_path).get("slow") == {"slow": 1}


def test_given_an_interruption_by_the_keyboard_then_it_ends_and_answers_are_kept(tmp_path: Path) -> None:
    def interrupted(text: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run([Job("one", lambda: {"a": 1})], finished(tmp_path), 1, interrupted)
    assert finished(tmp_path).get("one") == {"a": 1}


def test_given_another_question_then_earlier_answers_do_not_count(tmp_path: Path) -> None:
    finished(tmp_path).keep("one", {"a": 1})
    assert finished(tmp_path).get("one") == {"a": 1}
    assert finished(tmp_path, regions=["eu-west-1"]).get("one") is None


def test_given_half_a_file_then_it_counts_as_unfinished(tmp_path: Path) -> None:
    kept = finished(tmp_path)
    (tmp_path / "state" / "one.json").write_text('{"a":', encoding="utf-8")
    assert kept.get("one") is None
    kept.forget()
    assert not (tmp_path / "state").exists()
