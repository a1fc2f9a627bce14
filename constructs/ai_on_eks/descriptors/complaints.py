"""pydantic's faults in our words: a stable code, the value, what is allowed and the smallest fix."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from ai_on_eks.descriptors.document import join
from ai_on_eks.descriptors.fields import all_paths, choices, example, fields, has_default, model_at
from ai_on_eks.descriptors.patterns import FORMS, Form
from ai_on_eks.descriptors.quantities import quantity, translate
from ai_on_eks.descriptors.scalars import shorten
from ai_on_eks.errors import Problem

_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
_LENGTHS = {
    "too_short": ("min_length", "at least", ("entry", "entries")),
    "too_long": ("max_length", "at most", ("entry", "entries")),
    "string_too_long": ("max_length", "at most", ("character", "characters")),
}
_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}

_ALIASES = {
    "float": "fp32", "float32": "fp32", "half": "fp16", "float16": "fp16", "bfloat16": "bf16", "float8": "fp8",
}  # fmt: skip


def complaints(faults: Sequence[Mapping[str, Any]], root: Any, model: type[BaseModel]) -> list[Problem]:
    """The problems that pydantic's `errors()` stand for, one per place. File and line are added later."""
    grouped: dict[tuple[str | int, ...], list[Mapping[str, Any]]] = {}
    for fault in faults:  # a union reports each of its members
        grouped.setdefault(_location(fault["loc"], root, fault["type"]), []).append(fault)
    return [_complaint(location, group, model) for location, group in grouped.items()]


def _complaint(location: tuple[str | int, ...], faults: list[Mapping[str, Any]], model: type[BaseModel]) -> Problem:
    fault = faults[0]
    path = _dotted(location)
    kind, value = fault["type"], fault["input"]
    if kind == "extra_forbidden":
        return _unknown_key(path, location, value, model)
    if kind == "missing":
        return _missing(path, location, model)
    if kind in ("enum", "literal_error"):
        return _not_allowed(path, value, choices(location, model))
    context = fault.get("ctx") or {}
    if kind in _BOUNDS or kind in _LENGTHS:
        return _out_of_range(path, value, kind, context)
    if kind == "string_pattern_mismatch":
        return _bad_pattern(path, value, FORMS[context["pattern"]])
    wanted = " or ".join(dict.fromkeys(_WANTED.get(one["type"], "a value of the right kind") for one in faults))
    return _wrong_type(location, value, kind, wanted, model)


def nearest(name: str, known: Sequence[str]) -> str | None:
    """The known name that `name` was probably meant to be."""
    import difflib  # noqa: PLC0415 - 4 ms that only a mistake needs

    folded = {one.lower().replace("-", "_"): one for one in known}
    found = difflib.get_close_matches(name.lower().replace("-", "_"), list(folded), n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def _alias(value: str, allowed: Sequence[str]) -> str | None:
    """The value that frameworks call by another name: `torch.float16` is fp16."""
    meant = _ALIASES.get(value.lower().removeprefix("torch."))
    return meant if meant in allowed else None


def _unknown_key(path: str, location: tuple[str | int, ...], value: Any, model: type[BaseModel]) -> Problem:
    key = str(location[-1])
    parent = model_at(location[:-1], model)
    known = tuple(sorted(fields(parent))) if parent is not None else ()
    elsewhere = [other for other in all_paths(model) if other.rpartition(".")[2] == key and other != path]
    guess = nearest(key, known)
    if guess is not None:
        fix = f"write '{guess}' instead of '{shorten(key)}'"
    elif elsewhere:
        fix = f"move it to '{elsewhere[0]}'"
    else:
        distant = nearest(key, [other.rpartition(".")[2] for other in all_paths(model)])
        fix = f"remove '{shorten(key)}'" + (f" (there is a '{distant}' elsewhere)" if distant else "")
    return Problem(
        "unknown-key", f"there is no key '{shorten(key)}' here", path=path, value=value, allowed=known, fix=fix
    )


def _missing(path: str, location: tuple[str | int, ...], model: type[BaseModel]) -> Problem:
    parent = model_at(location[:-1], model)
    key = str(location[-1])
    sample = example(fields(parent)[key], key) if parent is not None else "…"
    where = f" under '{_dotted(location[:-1])}'" if len(location) > 1 else ""
    allowed = choices(location, model)
    return Problem(
        "missing-field", f"'{key}' is required", path=path, allowed=allowed, fix=f"add '{key}: {sample}'{where}"
    )


def _not_allowed(path: str, value: Any, allowed: tuple[str, ...]) -> Problem:
    guess = (_alias(value, allowed) or nearest(value, allowed)) if isinstance(value, str) else None
    one_of = "one of " if len(allowed) > 1 else ""
    fix = f"write {guess}" if guess else f"write {one_of}{', '.join(allowed)}"
    if isinstance(value, bool | int | float):
        guess = next((one for one in allowed if one == str(value)), None)
        fix = f"write '{guess}' in quotes" if guess else fix
    return Problem(
        "not-allowed", f"{_shown(value)} is not one of the values", path=path, value=value, allowed=allowed, fix=fix
    )


def _bad_pattern(path: str, value: Any, form: Form) -> Problem:
    message = f"{_shown(value)} does not have the form of this value"
    lower = value.lower()
    meant = lower if re.search(form.expression, lower) else None
    fix = f"write {meant}" if meant else f"write {form.words}, such as {form.example}"
    return Problem("bad-pattern", message, path=path, value=value, fix=fix)


def _out_of_range(path: str, value: Any, kind: str, context: Mapping[str, Any]) -> Problem:
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        message, wanted = f"{_shown(value)} is out of range", f"{words} {_plain(context[key])}"
    else:
        key, words, unit = _LENGTHS[kind]
        message = f"has {_counted(len(value), unit)}"
        wanted = f"{words} {_counted(context[key], unit)}"
    return Problem("out-of-range", message, path=path, value=value, allowed=(wanted,), fix=f"write {wanted}")


def _counted(number: int, unit: tuple[str, str]) -> str:
    return f"{number:,} {unit[number != 1]}"


def _wrong_type(location: tuple[str | int, ...], value: Any, kind: str, wanted: str, model: type[BaseModel]) -> Problem:
    path = _dotted(location)
    key = next((str(part) for part in reversed(location) if isinstance(part, str)), "")
    numeric = kind in ("int_type", "int_from_float", "float_type")
    if numeric and isinstance(value, str):
        return _number_as_text(path, key, value, wanted)
    shown, fix = _shown(value), f"write {wanted}"
    if numeric and isinstance(value, float):
        shown = shorten(str(value))  # 16384.0, as it is the point that is wrong
        fix = f"write {round(value)}" if abs(value) < 2**53 else fix
    elif wanted == "text" and isinstance(value, bool | int | float):
        fix = f"put it in quotes: '{_as_written(key, value)}'"
    elif wanted == "a list" and isinstance(value, str):
        fix = f"write [{value}]"
    elif value is None and has_default(location, model):
        fix = f"write {wanted}, or remove the key to get its default"
    return Problem("wrong-type", f"{shown} is not {wanted}", path=path, value=value, fix=fix)


def _as_written(key: str, value: bool | int | float) -> str:
    """Zeros that mean nothing in a number and something in the text it should have been."""
    if key == "account" and type(value) is int:
        return f"{value:012d}"
    return f"{value:.2f}" if key == "kubernetes_version" and isinstance(value, float) else _plain(value)


def _number_as_text(path: str, key: str, value: str, wanted: str) -> Problem:
    plain = _number(value)
    if plain is not None:
        message = f"'{shorten(value)}' is text, not {wanted}"
        fix = f"write {plain} without quotes" if value.isascii() and "_" not in value else f"write {plain}"
        return Problem("wrong-type", message, path=path, value=value, fix=fix)
    meant = translate(key, value)
    what = quantity(key)
    if not meant and not any(character.isdigit() for character in value):
        fix = f"write {what}"
        return Problem("wrong-type", f"{_shown(value)} is not {wanted}", path=path, value=value, fix=fix)
    message = f"'{shorten(value)}' has a unit of its own; {what} is wanted, as a plain number"
    fix = " or ".join(f"write {one}" if index == 0 else str(one) for index, one in enumerate(meant)) or f"write {what}"
    return Problem("wrong-unit", message, path=path, value=value, fix=fix)


def _number(text: str) -> str | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return _plain(value) if abs(value) < 2**53 else None


def _plain(value: Any) -> str:
    """A number or truth value as the file would hold it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return f"'{shorten(value)}'"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return "nothing" if value is None else shorten(_plain(value))


def _location(raw: Sequence[str | int], root: Any, kind: str) -> tuple[str | int, ...]:
    """The location without the names pydantic adds for the members of a union: only steps that the file has."""
    kept: list[str | int] = []
    current = root
    for step in raw:
        keys = current if isinstance(current, dict) else range(len(current)) if isinstance(current, list) else ()
        if step in keys:
            current = current[step]
        elif not (kind == "missing" and step == raw[-1]):
            continue
        kept.append(step)
    return tuple(kept)


def _dotted(location: Sequence[str | int]) -> str:
    path = ""
    for step in location:
        path = join(path, step)
    return path
