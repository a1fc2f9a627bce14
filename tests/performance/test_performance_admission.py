"""How long a request waits to be taken up, and how many are taken up with it."""

from __future__ import annotations

import random
from statistics import mean

import pytest
from performance_models import BF16, DENSE, MACHINE, ideal

from ai_on_eks.performance.admission import AT_ONCE, Admission
from ai_on_eks.performance.decoding import decode
from ai_on_eks.performance.divided import divide
from ai_on_eks.performance.machine import Division
from ai_on_eks.performance.types import Figures

MOST_TOGETHER = 4
"""Prompts that fit into one pass of the game below."""


def figures(admission: Admission, sequences: int = 11, output: int = 200) -> Figures:
    return decode(
        divide(DENSE, BF16, MACHINE, Division()),
        ideal(),
        prompt_tokens=8192,
        output_tokens=output,
        sequences=sequences,
        admission=admission,
    )


@pytest.mark.parametrize(
    ("admission", "running", "output_tokens", "gathered", "held_steps"),
    [
        (AT_ONCE, 64, 1024, 0.0, 0.0),
        (Admission(30), 64, 960, 2.0, 15.0),
        (Admission(30), 64, 30, 63.0, 15.0),  # no more than there are
        (Admission(20, from_first=True), 64, 1280, 1.0, 15.0),  # the first waits 20 steps, the second 10
        (Admission(20, from_first=True), 1, 10_000, 0.0, 20.0),
    ],
)
def test_given_a_setting_when_requests_come_then_they_gather_and_wait(
    admission: Admission, running: float, output_tokens: float, gathered: float, held_steps: float
) -> None:
    found = admission.gathered(running, output_tokens)
    assert found == pytest.approx(gathered)
    assert admission.held_steps(found) == pytest.approx(held_steps, abs=0.01)


def test_given_requests_that_gather_when_they_are_taken_up_then_each_waits_for_steps_and_for_all_prompts() -> None:
    quiet, held = figures(AT_ONCE), figures(Admission(20))
    assert quiet.tpot_s is not None
    prompt_s = quiet.ttft_s - quiet.tpot_s
    assert held.ttft_s - quiet.ttft_s == pytest.approx(10 * quiet.tpot_s + 11 * 20 / 200 * prompt_s)
    assert held.tpot_s == quiet.tpot_s


def test_given_one_sequence_when_nothing_else_runs_then_it_is_taken_up_at_once() -> None:
    assert figures(Admission(30), sequences=1) == figures(AT_ONCE, sequences=1)


@pytest.mark.parametrize("every_steps", [0, 30])
@pytest.mark.parametrize(("clients", "prompt_steps"), [(16, 5.0), (64, 5.0), (64, 30.0), (128, 20.0)])
def test_given_a_closed_loop_when_it_is_played_then_the_mean_wait_is_what_the_formula_says(
    every_steps: int, clients: int, prompt_steps: float
) -> None:
    """The time of a step is 1, of a prompt `prompt_steps`; ten requests of each client, their lengths 80 to 100 %."""
    output = 1024
    played = mean(_played_waits(every_steps, clients, prompt_steps, output))
    admission = Admission(every_steps)
    gathered = admission.gathered(clients, 0.9 * output)
    formula = prompt_steps * (1 + gathered + 0.1 * (clients - 1) / 2) + admission.held_steps(gathered)
    assert played == pytest.approx(formula, rel=0.2)


def _played_waits(every_steps: int, clients: int, prompt_steps: float, output: int) -> list[float]:
    """Waits for first tokens, of a scheduler that computes all prompts that it sees before it decodes on."""
    draw = random.Random(7)  # noqa: S311 - a game, no secret
    now, steps, since, left = 0.0, 0, every_steps, 9 * clients
    came: list[float] = [0.0] * clients
    ends: list[int] = []
    waits: list[float] = []
    while came or ends:
        if since >= every_steps or not ends:  # a look for requests
            seen, came, since = came, [], 0
            while seen:
                taken, seen = seen[:MOST_TOGETHER], seen[MOST_TOGETHER:]
                now += prompt_steps * len(taken)
                waits += [now - start for start in taken]
                ends += [steps + draw.randint(int(0.8 * output), output) for _ in taken]
                since = every_steps  # and another one after prompts
            if since:
                continue
        now, steps, since = now + 1, steps + 1, since + 1
        ended = sum(end <= steps for end in ends)
        ends = [end for end in ends if end > steps]
        again = min(ended, left)
        left -= again
        came += [now] * again
    return waits
