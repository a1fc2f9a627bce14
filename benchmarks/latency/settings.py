"""What the scripts of measured runs set, where it changes a time to first token: `settings.yaml`, with its sources.

The records name model, engine, division and load, not the engine's flags. A flag that lets requests gather adds up to
thirty steps to each first token; without it constants would have to explain what they cannot.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import yaml
from msgspec import Struct, field

from ai_on_eks.performance.admission import AT_ONCE, Admission

SETTINGS = Path(__file__).with_name("settings.yaml")


class Run(Struct, frozen=True):
    """What a record says of its run. `concurrency` counts the requests of all attention groups."""

    engine: str
    version: str
    system: str
    model: str
    precision: str
    prompt_tokens: int
    output_tokens: int
    concurrency: int
    tensor_parallel: int
    is_attention_parallel: bool


class Setting(Struct, frozen=True, kw_only=True):
    """Which runs a script made, and how it let requests gather. `model` and `version` are beginnings; None or () = any.

    `most_tensor_parallel` counts the ranks of an attention group.
    """

    engine: str
    model: str
    every_steps: float
    script: str
    systems: Sequence[str] = field(default_factory=tuple)
    precision: str | None = None
    version: str = ""
    prompt: int | None = None
    output: int | None = None
    most_concurrency: int | None = None
    most_tensor_parallel: int | None = None
    attention_parallel: bool = False
    from_first: bool = False

    def applies(self, run: Run) -> bool:
        return (
            run.engine == self.engine
            and run.model.startswith(self.model)
            and run.version.startswith(self.version)
            and (not self.systems or run.system in self.systems)
            and self.precision in (None, run.precision)
            and self.prompt in (None, run.prompt_tokens)
            and self.output in (None, run.output_tokens)
            and (self.most_concurrency is None or run.concurrency <= self.most_concurrency)
            and (self.most_tensor_parallel is None or run.tensor_parallel <= self.most_tensor_parallel)
            and (run.is_attention_parallel or not self.attention_parallel)
        )


@cache
def settings() -> tuple[Setting, ...]:
    return tuple(Setting(**entry) for entry in yaml.safe_load(SETTINGS.read_text(encoding="utf-8")))


def admission_of(run: Run) -> Admission:
    """How the engine of a run took up requests; at once where no script that is known says otherwise."""
    found = next((setting for setting in settings() if setting.applies(run)), None)
    return AT_ONCE if found is None else Admission(found.every_steps, found.from_first)
