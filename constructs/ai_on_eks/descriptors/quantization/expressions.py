"""The regular expressions of quantization configs, matched in bounded time.

A config is untrusted, and Python's `re` takes exponential time for some expressions. Here an expression is followed
for all starting positions at once: a set of positions is an integer with one bit each, every part of the expression
maps such a set to the set of positions after it, and a repetition is repeated until nothing new is reached. The time
is at most (length of the expression) × (length of the name)², whatever either contains.

Read: literals, `.`, escapes, `\\d \\w \\s`, classes, groups, alternatives, `* + ?` with their lazy forms, `^ $`,
look-ahead. Everything else (`{2}`, back-references, look-behind, flags) is refused with `ValueError`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

ANY = "\x01"
"""In a text: a number that is not known. A text with it matches wherever it does with one of the numbers, and in some
places more; look-ahead aside."""
_DIGITS = "0123456789"
MAX_LENGTH = 512
MAX_DEPTH = 16

Step = Callable[[str, int], int]
"""(text, positions before) -> positions after."""

_CLASSES: dict[str, Callable[[str], bool]] = {
    "d": str.isdecimal,
    "D": lambda one: not one.isdecimal(),
    "w": lambda one: one.isalnum() or one == "_",
    "W": lambda one: not (one.isalnum() or one == "_"),
    "s": str.isspace,
    "S": lambda one: not one.isspace(),
}

_ANCHORS: dict[str, Step] = {
    "^": lambda _, positions: positions & 1,
    "$": lambda text, positions: positions & (1 << len(text)),
}


@lru_cache(maxsize=512)
def matcher(expression: str) -> Callable[[str], bool]:
    """Does the expression match at the start of a text? As `re.match`. `ValueError` where it cannot be read."""
    if len(expression) > MAX_LENGTH:
        raise ValueError(f"is longer than {MAX_LENGTH} characters")
    reader = _Reader(expression)
    step = reader.alternatives(0)
    if not reader.at_end:
        raise ValueError("has a ')' too many")
    return lambda text: step(text, 1) != 0


class _Reader:
    def __init__(self, expression: str) -> None:
        self._text = expression
        self._at = 0

    @property
    def at_end(self) -> bool:
        return self._at >= len(self._text)

    def alternatives(self, depth: int) -> Step:
        if depth > MAX_DEPTH:
            raise ValueError(f"is nested more than {MAX_DEPTH} deep")
        branches = [self._sequence(depth)]
        while self._take("|"):
            branches.append(self._sequence(depth))
        return branches[0] if len(branches) == 1 else _either(branches)

    def _sequence(self, depth: int) -> Step:
        steps: list[Step] = []
        while not self.at_end and self._text[self._at] not in "|)":
            steps.append(self._repeated(self._atom(depth)))
        return _all(steps)

    def _repeated(self, step: Step) -> Step:
        for sign, repetition in (("*", _star), ("+", _plus), ("?", _maybe)):
            if self._take(sign):
                self._take("?")  # lazy: which match is found first does not matter here
                if not self.at_end and self._text[self._at] in "*+?":
                    raise ValueError("repeats a repetition")
                return repetition(step)
        return step

    def _atom(self, depth: int) -> Step:
        one = self._next()
        if one in "*+?{}":
            raise ValueError(f"has a '{one}' that is not read here")
        if one == "(":
            return self._group(depth)
        if one in _ANCHORS:
            return _ANCHORS[one]
        if one == ".":
            return _anything
        return _character(self._single(one))

    def _single(self, one: str) -> Callable[[str], bool]:
        if one == "[":
            return self._character_class()
        if one == "\\":
            return self._escaped()
        return _same(one)

    def _group(self, depth: int) -> Step:
        ahead: bool | None = None
        if self._take("?"):
            kind = self._next()
            if kind not in ":=!":
                raise ValueError(f"has a group '(?{kind}' that is not read here")
            ahead = {":": None, "=": True, "!": False}[kind]
        inner = self.alternatives(depth + 1)
        if not self._take(")"):
            raise ValueError("has a '(' that is not closed")
        return inner if ahead is None else _look_ahead(inner, wanted=ahead)

    def _escaped(self) -> Callable[[str], bool]:
        one = self._next()
        if one in _CLASSES:
            return _CLASSES[one]
        if one.isalnum():
            raise ValueError(f"has an escape '\\{one}' that is not read here")
        return lambda other: other == one

    def _character_class(self) -> Callable[[str], bool]:
        negated = self._take("^")
        tests: list[Callable[[str], bool]] = []
        while not tests or not self._take("]"):
            one = self._next()
            if one == "\\":
                tests.append(self._escaped())
            elif self._text[self._at : self._at + 1] == "-" and self._text[self._at + 1 : self._at + 2] not in (
                "]",
                "",
            ):
                self._at += 1
                tests.append(_between(one, self._next()))
            else:
                tests.append(_same(one))
        return lambda other: any(test(other) for test in tests) != negated

    def _next(self) -> str:
        if self.at_end:
            raise ValueError("ends too early")
        self._at += 1
        return self._text[self._at - 1]

    def _take(self, wanted: str) -> bool:
        found = self._text[self._at : self._at + 1] == wanted
        self._at += found
        return found


def _same(wanted: str) -> Callable[[str], bool]:
    return lambda one: one == wanted


def _between(first: str, last: str) -> Callable[[str], bool]:
    return lambda one: first <= one <= last


def _character(test: Callable[[str], bool]) -> Step:
    def step(text: str, positions: int) -> int:
        reached, waiting = 0, positions & ((1 << len(text)) - 1)
        while waiting:
            lowest = waiting & -waiting
            waiting ^= lowest
            one = text[lowest.bit_length() - 1]
            if one == ANY and any(map(test, _DIGITS)):
                reached |= lowest | lowest << 1
            elif test(one):
                reached |= lowest << 1
        return reached

    return step


def _anything(text: str, positions: int) -> int:
    return (positions & ((1 << len(text)) - 1)) << 1 | (positions if ANY in text else 0)


def _all(steps: list[Step]) -> Step:
    def step(text: str, positions: int) -> int:
        for one in steps:
            if not positions:
                break
            positions = one(text, positions)
        return positions

    return step


def _either(branches: list[Step]) -> Step:
    def step(text: str, positions: int) -> int:
        reached = 0
        for branch in branches:
            reached |= branch(text, positions)
        return reached

    return step


def _star(inner: Step) -> Step:
    def step(text: str, positions: int) -> int:
        reached = new = positions
        while new:
            new = inner(text, new) & ~reached
            reached |= new
        return reached

    return step


def _plus(inner: Step) -> Step:
    star = _star(inner)
    return lambda text, positions: star(text, inner(text, positions))


def _maybe(inner: Step) -> Step:
    return lambda text, positions: positions | inner(text, positions)


def _look_ahead(inner: Step, *, wanted: bool) -> Step:
    def step(text: str, positions: int) -> int:
        kept = 0
        for index in range(len(text) + 1):
            if positions >> index & 1 and (inner(text, 1 << index) != 0) == wanted:
                kept |= 1 << index
        return kept

    return step
