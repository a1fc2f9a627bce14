"""A replica that writes tokens, in the closed loop that engines are measured with: always so many sequences.

    step  = pass of one token of each running sequence × launches of the engine + scheduling
    token = step + interference × (n − 1) × prompt ÷ output tokens
    first = request + step × (1 + held) + pass × (1 + gathered + burst × (n − 1) ÷ 2) + queue
    pass  = √(prompt² + launches²)

Every sequence ends and is replaced once in its own life, and its prompt is computed between the others' steps, in
chunks that ride along with them: that is the interference. A sequence ends in a step of all, and prompts delay that
step, so requests keep the distance that computing one prompt needs and seldom find another one before them. They wait
only at the start of the load, when all come together, for half of the others; `burst` is the share of requests that do.
An engine may be told to let requests gather, which holds them for some steps (`admission`).
Short prompts that come together share a pass: they read the weights once and are launched once. Launches of a prompt
are not recorded in a graph; the host makes them while the device computes, so the longer of both decides, and about
equal ones hinder each other (root of the sum of squares).
Those that find no room in the cache wait for others to end:  queue = waiting ÷ running × life of a sequence.

Attention data parallelism: each group decodes its own sequences, all groups compute together. Pipeline stages: as many
groups of sequences as stages are under way, each group's step passes all stages, a prompt holds one stage at a time:

    step   = pass of n ÷ PP sequences + hops
    prompt = pass × (C + PP − 1) ÷ (C × PP) for C chunks, to its first token;  pass ÷ PP, to the others

None of it asks how often prompts come: with n sequences always running a faster decoder brings them more often, and a
queue that counts that would call the faster device the slower one.
"""

from __future__ import annotations

from math import ceil, hypot

from ai_on_eks.performance.admission import AT_ONCE, Admission
from ai_on_eks.performance.calibration import DECODER, Constants
from ai_on_eks.performance.divided import Divided
from ai_on_eks.performance.exchange import hops_s
from ai_on_eks.performance.passes import prompt, step
from ai_on_eks.performance.types import Figures

CHUNK_TOKENS = 8192
"""Tokens of a prompt that are computed in one pass on devices with much memory (vLLM 0.33, usage context of an API
server; catalogue: engines' batch limits)."""


def decode(
    of: Divided,
    constants: Constants,
    *,
    prompt_tokens: float,
    output_tokens: float,
    sequences: int,
    waiting: int = 0,
    admission: Admission = AT_ONCE,
) -> Figures:
    """Figures of one replica with `sequences` running and `waiting` more for whom there is no room."""
    division = of.division
    stages = division.pipeline_parallel
    running = max(1.0, sequences / division.data_parallel)
    together = max(1.0, running / stages)
    attended = prompt_tokens + output_tokens * (1.0 if constants.whole_context else 0.5)
    step_s = step(of, constants, together, attended).total_s + constants.step_s + constants.sequence_s * running
    step_s += hops_s(of, constants, together)
    whole = prompt(of, constants, prompt_tokens * (running if constants.prompts_in_turn else 1.0))
    chunks = max(1, ceil(prompt_tokens / CHUNK_TOKENS))
    in_stages = (chunks + stages - 1) / (chunks * stages)
    own_s = hypot(whole.computed_s * in_stages, whole.launches_s)
    first_s = constants.first_token_s + step_s + own_s
    token_s = step_s
    if running > 1 and not constants.prompts_in_turn:
        in_a_pass = max(1.0, min(running, CHUNK_TOKENS / prompt_tokens))
        among = whole if in_a_pass == 1.0 else prompt(of, constants, prompt_tokens, in_a_pass)
        token_s += constants.interference * (running - 1) * among.computed_s / stages / max(1.0, output_tokens)
        each_s = hypot(among.computed_s, among.launches_s) / stages
        before = constants.burst * (running - 1) / 2
        if admission.every_steps:
            gathered = admission.gathered(running, output_tokens)
            first_s += admission.held_steps(gathered) * step_s
            before += gathered
        first_s += before * each_s
    first_s += waiting / sequences * (own_s + output_tokens * token_s)
    return Figures(
        kind=DECODER, ttft_s=first_s, tpot_s=token_s, output_tokens_per_s=sequences / token_s, items_per_s=None
    )
