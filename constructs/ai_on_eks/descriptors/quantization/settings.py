"""Reading a quantization config: an untrusted mapping, of which only well-formed values count."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from ai_on_eks.descriptors.architectures.hyperparameters import CONFIG_PATH
from ai_on_eks.descriptors.quantization.formats import MatrixFormat
from ai_on_eks.descriptors.quantization.names import Match, patterns
from ai_on_eks.descriptors.quantization.scheme import Rule
from ai_on_eks.descriptors.scalars import shorten
from ai_on_eks.errors import InputError, Problem

KEY = "quantization_config"
MAX_NAMES = 100_000
"""Entries of one list; a checkpoint that names every expert of every layer has some 50,000."""
MAX_NAME_CHARACTERS = 512


class Settings:
    """One mapping of a quantization config. What is missing has a documented default; what is wrong is refused."""

    def __init__(self, values: Mapping[str, Any], method: str, path: str = f"{CONFIG_PATH}.{KEY}") -> None:
        self.values = values
        self.method = method
        self._path = path

    def section(self, key: str) -> Settings | None:
        """The mapping under `key`; None where there is none."""
        value = self.values.get(key)
        return Settings(value, self.method, f"{self._path}.{key}") if isinstance(value, Mapping) else None

    def sections(self, key: str) -> tuple[tuple[str, Settings], ...]:
        """The mappings in the mapping under `key`, with their names."""
        found = self.section(key)
        names = found.values if found is not None else ()
        return tuple((name, one) for name in names if found is not None and (one := found.section(name)) is not None)

    def integer(self, *keys: str, default: int) -> int:
        """The first of `keys` that is there."""
        for key in keys:
            value = self.values.get(key)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or not -1 <= value <= 10**6:
                self.reject(f"'{key}' is {shorten(repr(value))}, which is no size")
            return value
        return default

    def bits(self, *keys: str, allowed: tuple[int, ...]) -> int:
        """How many bits a weight has: required, and one of `allowed`."""
        bits = self.integer(*keys, default=0)
        if bits not in allowed:
            named = " or ".join(str(one) for one in allowed)
            self.reject(f"weights of {bits or 'unknown'} bits; {named} are known")
        return bits

    def flag(self, key: str, *, default: bool) -> bool:
        value = self.values.get(key)
        return value if isinstance(value, bool) else default

    def text(self, key: str) -> str:
        """Lower case; empty where there is none."""
        value = self.values.get(key)
        return value[:64].lower() if isinstance(value, str) else ""

    def names(self, *keys: str) -> tuple[str, ...]:
        """The first of `keys` that holds names: a list, a list of lists, or one text with commas."""
        for key in keys:
            value = self.values.get(key)
            entries = value.split(",") if isinstance(value, str) else value
            if not entries:
                continue
            flat = _flat(entries) if isinstance(entries, list) else [entries]
            if len(flat) > MAX_NAMES or not all(
                isinstance(one, str) and len(one) <= MAX_NAME_CHARACTERS for one in flat
            ):
                self.reject(f"'{key}' is no list of up to {MAX_NAMES:,} names")
            return tuple(one.strip() for one in flat if one.strip())
        return ()

    def rules(self, names: Iterable[str], match: Match, stored: MatrixFormat | None) -> tuple[Rule, ...]:
        """The names as rules. Names that cannot be read are refused."""
        try:
            return tuple(Rule(pattern, stored) for pattern in patterns(names, match))
        except ValueError as error:
            self.reject(str(error))

    def reject(self, reason: str) -> NoReturn:
        """Says that this quantization is not known, and why."""
        raise unknown(self.method, self._path, reason)


def _flat(entries: list[Any]) -> list[Any]:
    """The entries, with those of lists among them."""
    return [one for entry in entries for one in (entry if isinstance(entry, list) else (entry,))]


def unknown(
    method: str, path: str = f"{CONFIG_PATH}.{KEY}", reason: str = "", allowed: tuple[str, ...] = ()
) -> InputError:
    """The refusal of a quantization."""
    message = f"quantization '{method}' with these settings is not known" + (f": {reason}" if reason else "")
    fix = "write the descriptor by hand, with the data type of most weights as 'weights' under 'precision'"
    return InputError(Problem("unknown-quantization", message, path=path, value=method, allowed=allowed, fix=fix))
