"""When an engine takes up a request: after the step under way, unless it is told to let requests gather.

Two settings make it wait. A scheduler that looks for requests once in N steps (SGLang `--scheduler-recv-interval`, or
TensorRT-LLM's attention data parallelism with `enable_balance`, whose clock of `timeout_iters` always runs) is met at
any point of its interval. One that holds the first request for N steps, so that others join it (TensorRT-LLM
`batch_wait_timeout_iters`), lets it wait all of them and those that join half. Requests that gathered are computed
together, so each waits for all of their prompts.

    gathered = n × N ÷ output tokens, at most n − 1      of n sequences, one ends every output ÷ n steps
    held     = N ÷ 2,  or of the first and those that join:  N × (1 + gathered ÷ 2) ÷ (1 + gathered)
"""

from __future__ import annotations

from msgspec import Struct


class Admission(Struct, frozen=True):
    """`every_steps` is N, 0 = requests are taken up after each step; `from_first`: N is counted from the first one."""

    every_steps: float = 0.0
    from_first: bool = False

    def gathered(self, running: float, output_tokens: float) -> float:
        """Other requests that are taken up with one."""
        return min(running - 1, running * self.every_steps / max(1.0, output_tokens))

    def held_steps(self, gathered: float) -> float:
        """Steps that a request waits, in the mean."""
        if self.from_first:
            return self.every_steps * (1 + gathered / 2) / (1 + gathered)
        return self.every_steps / 2


AT_ONCE = Admission()
