"""Mutations of what a document says, for the targets behind a parser: few damaged bytes are still a document.

One or several values of a parsed document are replaced, moved, left out or repeated, and the document is written anew
as JSON, which YAML contains. Numbers and words are those that bounds and tables are likely to get wrong; keys and
texts of the seeds are known words too.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ai_on_eks.descriptors.documents import parse_yaml
from ai_on_eks.errors import InputError

Mutator = Callable[[bytes, int, int], bytes]
"""Input, most bytes, seed -> the next input: libFuzzer's custom mutator."""

_BYTES_ONE_IN = 8
"""So many inputs have damaged bytes instead of changed values."""

_SCALARS: tuple[Any, ...] = (
    0, 1, -1, 2, 3, 5, 7, 8, 63, 64, 127, 1000, 65_536, 10**6, 10**9, 2**31 - 1, 2**31, 2**53, 10**18,
    2**63 - 1, -(2**63),
    0.0, -0.0, 0.5, -1.5, 1e-9, 1e9, 1e308, True, False, None, "", "a", "*", "re:.*", "(", "x" * 300, "\u00e9", "\n",
    "-", "..",
)  # fmt: skip

_CONTAINERS: tuple[Any, ...] = ([], {}, [0], [1, 2, 3], [[]], [None], ["a"], [{}], {"": 0}, {"a": {}}, [1] * 300)


def mutator(seeds: Sequence[bytes], damage: Callable[[bytes, int], bytes]) -> Mutator:
    """`damage` changes bytes: what libFuzzer does by itself."""
    documents = [found for seed in seeds if (found := _parsed(seed)) is not None]
    keys = sorted({key for document in documents for key in _keys(document)})
    words: list[Any] = [*_SCALARS, *_CONTAINERS, *sorted({text for one in documents for text in _texts(one)})]

    def mutate(data: bytes, most_bytes: int, seed: int) -> bytes:
        chance = random.Random(seed)  # noqa: S311 - damage, not secrets
        document = _parsed(data)
        if document is None or chance.randrange(_BYTES_ONE_IN) == 0:
            return damage(data, most_bytes)
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            document = _changed(document, chance, keys, words, documents)
        written = json.dumps(document).encode()
        return written if len(written) <= most_bytes else damage(data, most_bytes)

    return mutate


def _changed(document: Any, chance: random.Random, keys: list[str], words: list[Any], documents: list[Any]) -> Any:
    """The document with one value changed, in place where it is a container."""
    places = list(_places(document))
    if not places or chance.randrange(40) == 0:
        return json.loads(json.dumps(chance.choice(documents) if chance.randrange(2) else chance.choice(words)))
    container, key = chance.choice(places)
    kind = chance.randrange(8)
    if kind == 0:
        del container[key]
    elif kind == 1 and isinstance(container, dict):
        container[chance.choice(keys)] = container.pop(key)
    elif kind == 2 and isinstance(container, dict):
        container[chance.choice(keys)] = _copied(chance.choice(words))
    elif kind == 3:
        other, at = chance.choice(places)
        container[key] = _copied(other[at])
    elif kind == 4 and isinstance(container, list):
        container.insert(chance.randrange(len(container) + 1), _copied(container[key]))
    elif kind == 5 and isinstance(container[key], int):
        container[key] = container[key] + chance.choice((-1, 1)) * chance.choice((1, 1, 2, 8))
    else:
        container[key] = _copied(chance.choice(words))
    return document


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in the document: its container, and its key or index there."""
    inside: Any = ()
    if isinstance(value, dict):
        inside = value.items()
    elif isinstance(value, list):
        inside = enumerate(value)
    for key, inner in inside:
        yield value, key
        yield from _places(inner)


def _keys(value: Any) -> Iterator[str]:
    return (key for _, key in _places(value) if isinstance(key, str))


def _texts(value: Any) -> Iterator[str]:
    return (inner for container, key in _places(value) if isinstance(inner := container[key], str))


def _copied(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        pass
    try:
        return parse_yaml(data.decode(), "input").value
    except (InputError, ValueError):
        return None
