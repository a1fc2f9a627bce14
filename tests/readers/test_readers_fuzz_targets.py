"""Everything that is fuzzed answers or refuses; a few damaged inputs each here, a million in benchmarks/fuzz."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from readers_mutation import SLOWEST_SECONDS, mutations

from ai_on_eks.errors import AiOnEksError
from benchmarks.fuzz.seeds import READERS as SEEDS
from benchmarks.fuzz.targets import READERS, target
from benchmarks.fuzz.values import mutator
from benchmarks.fuzz.worst_files import FILES

DAMAGED = 60
MOST_BYTES = 100_000


def damaged(reader: str) -> list[bytes]:
    """The seeds, damaged by bytes; of documents by values too. The same in every run."""
    seeds = SEEDS[reader][0]()[:40]
    found = list(mutations(seeds, DAMAGED))
    if READERS[reader].is_document:
        chance = random.Random(20_261_124)  # noqa: S311 - damage, not secrets
        change = mutator(seeds, lambda data, _: data)
        found += [change(chance.choice(seeds), MOST_BYTES, chance.randrange(2**32)) for _ in range(DAMAGED)]
    return [*seeds, *found]


def test_given_the_targets_when_listed_then_each_has_seeds_and_each_weight_file_its_worst() -> None:
    assert set(SEEDS) == set(READERS)
    assert set(FILES) <= set(READERS)


@pytest.mark.parametrize("reader", READERS)
def test_given_damaged_inputs_when_read_then_answered_or_refused_soon(reader: str, tmp_path: Path) -> None:
    read = target(reader, tmp_path)
    answered = 0
    for data in damaged(reader):
        began = time.process_time()
        try:
            read(data)
            answered += 1
        except AiOnEksError:
            pass
        except Exception as error:
            raise AssertionError(f"{error!r} escaped for {data!r}") from error
        assert time.process_time() - began < SLOWEST_SECONDS, data
    assert answered
