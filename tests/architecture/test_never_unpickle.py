"""No module of the product imports what would run code from a model's file, or calls it by another way."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FORBIDDEN = frozenset(
    {
        "pickle",
        "_pickle",
        "cPickle",
        "dill",
        "cloudpickle",
        "jsonpickle",
        "marshal",
        "shelve",
        "joblib",
        "torch",
        "tensorflow",
        "numpy",
        "pandas",
    }
)
"""numpy and pandas have loaders that unpickle; nothing here needs either."""

UNPICKLING = frozenset({"allow_pickle", "weights_only"})
"""Keywords of loaders that unpickle if told to, or unless told not to."""
TRAINER = ROOT / "constructs" / "ai_on_eks" / "programs" / "fine_tune.py"
"""It trains with PyTorch, in an image of its own: models are read as safetensors alone; what is unpickled there, by the
trainer, are checkpoints that it wrote itself into a folder that only its account may write."""

PROGRAMS = TRAINER.parent
TRACED = {
    "traced_cores.py": {"numpy"},
    "traced_http.py": {"numpy"},
    "traced_inputs.py": {"numpy"},
    "traced_worker.py": {"numpy", "torch"},
}
"""The traced server's files, in an image of its own: arrays are made of numbers, models are read as safetensors alone,
and what TorchScript loads are programs that the server saved itself where only its account may write."""

ARRAYS = {"asarray", "ascontiguousarray", "concatenate", "frombuffer", "isfinite", "stack", "zeros"}
"""What they use of NumPy: nothing that reads a file."""

SOURCES = [
    ROOT / "app.py",
    ROOT / "pipeline.py",
    *sorted((ROOT / "constructs").rglob("*.py")),
    *sorted((ROOT / "stacks").rglob("*.py")),
    *sorted((ROOT / "k8s").rglob("*.py")),
]


def forbidden_imports(source: str) -> Iterator[str]:
    """Names of forbidden modules that `source` imports, at any depth and in any form."""
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        elif isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__"):
                names = [str(one.value) for one in node.args if isinstance(one, ast.Constant)]
            if UNPICKLING & {keyword.arg for keyword in node.keywords}:
                names.append("pickle")
        yield from (name for name in names if name.partition(".")[0] in FORBIDDEN)


def test_given_the_product_when_its_imports_are_listed_then_none_can_unpickle() -> None:
    assert len(SOURCES) > 50
    found = {
        path.relative_to(ROOT).as_posix(): names
        for path in SOURCES
        if path not in {TRAINER, *(PROGRAMS / name for name in TRACED)}
        and (names := list(forbidden_imports(path.read_text(encoding="utf-8"))))
    }
    assert found == {}


def test_given_the_trainer_when_its_imports_are_listed_then_torch_is_the_only_one_and_models_are_safetensors() -> None:
    source = TRAINER.read_text(encoding="utf-8")
    assert {name.partition(".")[0] for name in forbidden_imports(source)} == {"torch"}
    assert source.count("from_pretrained(") == 2, "the model and its tokenizer"
    assert source.count("use_safetensors=True") == 1


@pytest.mark.parametrize(("name", "allowed"), TRACED.items())
def test_given_the_traced_server_when_its_imports_are_listed_then_they_are_these_and_load_no_arrays(
    name: str, allowed: set[str]
) -> None:
    source = (PROGRAMS / name).read_text(encoding="utf-8")
    assert {one.partition(".")[0] for one in forbidden_imports(source)} == allowed
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "np":
            assert node.attr in ARRAYS
    weightless = source.count("AutoImageProcessor.from_pretrained(")
    assert source.count("from_pretrained(") - weightless == source.count("use_safetensors=True")
    assert "torch.load(" not in source


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "import torch.nn as x",
        "from marshal import loads",
        "def f():\n    from joblib import load",
        "import importlib\nimportlib.import_module('pickle')",
        "__import__('torch')",
        "from numpy import load",
        "load(path, allow_pickle=True)",
        "from shelve import open",
        "import cloudpickle, json",
        "from dill import load",
    ],
)
def test_given_a_forbidden_import_when_checked_then_it_is_found(source: str) -> None:
    assert list(forbidden_imports(source))


def test_given_yaml_when_imported_then_only_its_events_are_used() -> None:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "yaml":
                assert node.attr not in ("load", "load_all", "unsafe_load", "full_load", "Loader", "UnsafeLoader"), path
