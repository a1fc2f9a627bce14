"""Reading a model's config: every missing or unusable hyper-parameter is reported, none is guessed.

A default is taken only where the model's library documents one for that model type; such defaults are data (`DEFAULTS`
of each family's module) and what was read is remembered, so that a descriptor can be written with exactly the keys that
matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ai_on_eks.descriptors.document import join
from ai_on_eks.descriptors.scalars import shorten
from ai_on_eks.errors import InputError, Problem

CONFIG_PATH = "architecture.config"
CLASSES = "architectures"
"""The hyper-parameter with the classes that the weights were saved from."""
MAX_DIMENSION = 10**8
"""No published model has a dimension above 10**6; a product of four below this stays an exact, printable integer."""
MAX_ENTRIES = 64
LABELS = 2
"""Of a classifier whose config says nothing of them. Source: PreTrainedConfig of transformers 5.23.0."""
NOT_BARE = ("DoubleHeadsModel", "LMHeadModel", "MTModel", "PreTrainedModel", "PretrainedModel", "RewardModel")
"""Ends of classes that are more than the bare model, or nothing that can be built, though they end with `Model`."""
MAX_LAYERS = 1000
"""Layers that a config may name one by one; the deepest published models have below 200."""


class Hyperparameters:
    """A config under examination. Call `finish` before using what the readers returned."""

    def __init__(self, values: Mapping[str, Any], defaults: Mapping[str, Any], path: str = CONFIG_PATH) -> None:
        self._values = values
        self._defaults = defaults
        self._path = path
        self._problems: list[Problem] = []
        self._supposed = ""
        self.read: dict[str, Any] = {}

    def section(self, key: str, defaults: Mapping[str, Any]) -> Hyperparameters:
        """The mapping under `key`, such as the `text_config` of a model with several parts; required.

        What is read of it is remembered here, and its problems are raised by this `finish`.
        """
        value = self._values.get(key)
        if value is None:
            self._missing(key, 0)
        elif not isinstance(value, Mapping):
            self._wrong(key, value, "a mapping of hyper-parameters", 0)
        part = Hyperparameters(value if isinstance(value, Mapping) else {}, defaults, join(self._path, key))
        if isinstance(value, Mapping):
            part._problems = self._problems
        self.read[key] = part.read
        return part

    def without(self, *keys: str) -> Hyperparameters:
        """The same config, as if it said nothing under `keys`. What is read of it is remembered here, and its problems
        are raised by this `finish`."""
        values = {key: value for key, value in self._values.items() if key not in keys}
        part = Hyperparameters(values, self._defaults, self._path)
        part._problems, part.read = self._problems, self.read
        return part

    def uniform(self, key: str) -> Hyperparameters:
        """The same config with one value under `key` where it lists the same one for every layer."""
        value = self._values.get(key)
        if not isinstance(value, list) or not value or any(one != value[0] for one in value[:MAX_LAYERS]):
            return self
        part = Hyperparameters({**self._values, key: value[0]}, self._defaults, self._path)
        part._problems, part.read = self._problems, self.read
        return part

    def as_class(self, name: str) -> Hyperparameters:
        """The same config, as if its weights were saved from the class `name`, which is not remembered. What else is
        read of it is, here, and its problems are raised by this `finish`."""
        part = Hyperparameters({**self._values, CLASSES: [name]}, self._defaults, self._path)
        part._problems, part.read, part._supposed = self._problems, self.read, CLASSES
        return part

    def has(self, key: str) -> bool:
        """Whether the config itself says something about `key`."""
        return self._values.get(key) is not None

    def is_null(self, key: str) -> bool:
        """Whether the config names `key` and says null, which is not the same as leaving it to its default."""
        null = key in self._values and self._values[key] is None
        if null:
            self.read[key] = None
        return null

    def value(self, key: str) -> Any:
        """Whatever the config holds under `key`; None where it holds nothing."""
        if self.has(key) and key != self._supposed:
            self.read[key] = self._values[key]
        return self._values.get(key)

    def integer(self, key: str, *, least: int = 1, most: int = MAX_DIMENSION) -> int:
        """A whole number; required unless a default is documented."""
        value = self._get(key)
        if value is None:
            return self._missing(key, least)
        if isinstance(value, bool) or not isinstance(value, int):
            return self._wrong(key, value, "a whole number", least)
        if not least <= value <= most:
            self._problems.append(
                Problem(
                    "out-of-range",
                    f"{value} is out of range",
                    path=join(self._path, key),
                    value=value,
                    allowed=(f"{least} to {most}",),
                    fix="take the value from the model's own config.json",
                )
            )
            return least
        return value

    def integer_or(self, key: str, otherwise: int) -> int:
        """A whole number, or what its documented rule makes of the other hyper-parameters."""
        if key in self._defaults and self.is_null(key):
            return otherwise
        if self.has(key) or (key not in self._values and key in self._defaults):
            return self.integer(key)
        return otherwise

    def integer_or_null(self, key: str) -> int | None:
        """A whole number, or the null with which a config says that the model has no such part; required."""
        if key in self._values and self._values[key] is None:
            self.read[key] = None
            return None
        return self.integer(key)

    def flag(self, key: str) -> bool:
        """True or false; required unless a default is documented."""
        value = self._get(key)
        if value is None:
            return bool(self._missing(key, 0))
        return value if isinstance(value, bool) else bool(self._wrong(key, value, "true or false", 0))

    def number(self, key: str) -> float:
        """A number above zero, such as a width factor; required unless a default is documented."""
        value = self._get(key)
        if value is None:
            return float(self._missing(key, 1))
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not 0 < value <= MAX_DIMENSION:
            return float(self._wrong(key, value, f"a number above 0 and up to {MAX_DIMENSION}", 1))
        return float(value)

    def text(self, key: str, *, longest: int = MAX_LAYERS) -> str:
        """A short text, such as a pattern with one letter for every layer; required unless a default is documented."""
        value = self._get(key)
        if value is None:
            self._missing(key, 0)
            return ""
        if not isinstance(value, str) or not 0 < len(value) <= longest:
            self._wrong(key, value, f"a text of up to {longest} characters", 0)
            return ""
        return value

    def layer_kinds(self, key: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
        """One word for every layer; empty where the config says nothing."""
        value = self.value(key)
        if value is None:
            return ()
        if not isinstance(value, list) or len(value) > MAX_LAYERS or not all(one in allowed for one in value):
            self._wrong(key, value, f"a list of up to {MAX_LAYERS} words out of {', '.join(allowed)}", 0)
            return ()
        return tuple(value)

    def integers(self, key: str) -> tuple[int, ...]:
        """A list of whole numbers; required."""
        value = self._get(key)
        if value is None:
            self._missing(key, 0)
            return ()
        right = isinstance(value, list) and 0 < len(value) <= MAX_ENTRIES
        if not right or any(isinstance(one, bool) or not isinstance(one, int) or one < 1 for one in value):
            self._wrong(key, value, f"a list of 1 to {MAX_ENTRIES} positive whole numbers", 0)
            return ()
        if max(value) > MAX_DIMENSION:
            self._wrong(key, value, f"a list of numbers up to {MAX_DIMENSION}", 0)
            return ()
        return tuple(value)

    def layer_numbers(self, key: str) -> tuple[int, ...]:
        """A list of layers, counted from zero; it may be empty, and is where neither the config says anything nor a
        default is documented."""
        value = self.value(key) if key in self._values else self._defaults.get(key)
        if value is None:
            return ()
        right = isinstance(value, list) and len(value) <= MAX_LAYERS
        if not right or any(isinstance(one, bool) or not isinstance(one, int) or one < 0 for one in value):
            self._wrong(key, value, f"a list of up to {MAX_LAYERS} layer numbers", 0)
            return ()
        return tuple(value)

    def layer_switches(self, key: str) -> tuple[bool, ...]:
        """0 or 1 for every layer; empty where the config says nothing."""
        value = self.value(key)
        if value is None:
            return ()
        right = isinstance(value, list) and len(value) <= MAX_LAYERS
        if not right or any(one not in (0, 1) for one in value):
            self._wrong(key, value, f"a list of up to {MAX_LAYERS} zeros and ones", 0)
            return ()
        return tuple(bool(one) for one in value)

    def choice(self, key: str, allowed: tuple[str, ...]) -> str:
        """One of a few words; required unless a default is documented."""
        value = self._get(key)
        if value is None:
            self._missing(key, 0)
            return allowed[0]
        if value not in allowed:
            message = f"{shorten(repr(value))} is not one of the values"
            path = join(self._path, key)
            fix = f"write one of {', '.join(allowed)}"
            self._problems.append(Problem("not-allowed", message, path=path, value=value, allowed=allowed, fix=fix))
            return allowed[0]
        return str(value)

    def words(self, key: str) -> tuple[str, ...]:
        """A list of words, or one text with `|` between them; empty where the config says nothing."""
        value = self.value(key)
        named = value.lower().split("|") if isinstance(value, str) else value
        if named is None:
            return ()
        right = isinstance(named, list) and len(named) <= MAX_ENTRIES
        if not right or not all(isinstance(one, str) for one in named):
            self._wrong(key, value, "words, as a list or with '|' between them", 0)
            return ()
        return tuple(one.strip() for one in named)

    def ending(self, key: str, allowed: tuple[str, ...]) -> str | None:
        """Which of `allowed` the first class named under `key` ends with; None where the config names none."""
        named = self.value(key)
        if named is None:
            return None
        first = named[0] if isinstance(named, list) and named else named
        for ending in allowed:
            if (
                isinstance(first, str)
                and first.endswith(ending)
                and (ending != "Model" or not first.endswith(NOT_BARE))
            ):
                return ending
        shown = shorten(str(first))
        self._problems.append(
            Problem(
                "unknown-architecture",
                f"'{shown}' has a head that is not known",
                path=join(self._path, key),
                value=shown,
                allowed=tuple(f"…{ending}" for ending in allowed),
                fix="give architecture.parameters instead of architecture.config",
            )
        )
        return None

    def labels(self) -> int:
        """Outputs of a classifier: `num_labels`, or the entries of `id2label`, or transformers' documented two."""
        names = self._values.get("id2label")
        if not self.has("num_labels") and "num_labels" not in self._defaults and not names:
            return LABELS
        if self.has("num_labels") or not isinstance(names, dict) or not names:
            return self.integer("num_labels")
        self.read["num_labels"] = len(names)
        return len(names)

    def relate(self, keys: tuple[str, ...], holds: bool, message: str) -> None:
        """A relation between hyper-parameters that the architecture depends on; told at the last of `keys`.

        Not asked where one of them has a problem already: its value is a stand-in.
        """
        reported = {problem.path for problem in self._problems}
        if holds or any(join(self._path, key) in reported for key in keys):
            return
        path = join(self._path, keys[-1])
        fix = "take the values from the model's own config.json"
        self._problems.append(Problem("contradiction", message, path=path, value=self._get(keys[-1]), fix=fix))

    def support(self, key: str, holds: bool, message: str) -> None:
        """A variant of the architecture that is refused rather than sized wrongly; told at `key`."""
        path = join(self._path, key)
        if holds or any(problem.path == path for problem in self._problems):
            return
        fix = "give architecture.parameters instead of architecture.config"
        self._problems.append(Problem("unknown-architecture", message, path=path, value=self._get(key), fix=fix))

    def finish(self) -> None:
        """Raises all problems found so far, each once however often its hyper-parameter was read."""
        if self._problems:
            raise InputError(list({(problem.path, problem.code): problem for problem in self._problems}.values()))

    def _get(self, key: str) -> Any:
        value = self._values.get(key)
        if value is not None:
            self.read[key] = value
            return value
        return self._defaults.get(key)

    def _missing(self, key: str, otherwise: int) -> int:
        fix = f"add '{key}' from the model's own config.json"
        path = join(self._path, key)
        self._problems.append(Problem("missing-hyperparameter", f"'{key}' is required", path=path, fix=fix))
        return otherwise

    def _wrong(self, key: str, value: object, wanted: str, otherwise: int) -> int:
        path = join(self._path, key)
        message = f"{shorten(repr(value))} is not {wanted}"
        self._problems.append(Problem("wrong-type", message, path=path, value=value, fix=f"write {wanted}"))
        return otherwise
