"""Generated JSON: equal facts give equal bytes, and a reader sees the old file or the new one, never half of one."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def compact(value: object) -> str:
    """One line of JSON with sorted keys and no blanks. NaN and infinity are refused."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def document(head: Mapping[str, Any], section: str, members: Mapping[str, Any]) -> str:
    """`head` and `members` as one object, one line per member so that a refresh reads well as a diff."""
    lines = [f"{compact(key)}:{compact(value)}" for key, value in sorted(head.items())]
    body = ",\n".join(f"{compact(name)}:{compact(value)}" for name, value in sorted(members.items()))
    return "{\n" + ",\n".join([*lines, f"{compact(section)}:{{\n{body}\n}}"]) + "\n}\n"


def write_atomically(path: Path, text: str) -> None:
    """Write beside the target and rename. When anything fails, the old file stays as it was and no rest is left."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
