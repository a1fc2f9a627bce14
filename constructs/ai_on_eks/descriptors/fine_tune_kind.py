"""Whether a file is a fine-tuning job's: told by its own word, before anything of it is built."""

from __future__ import annotations

import re
from pathlib import Path

_KIND = re.compile(rb"^kind:\s*[\"']?fine-tune[\"']?\s*(#.*)?$", re.MULTILINE)
_LOOKED_AT_BYTES = 65_536


def is_fine_tune(path: str) -> bool:
    """Whether the file says `kind: fine-tune`. What cannot be read is none: whoever loads it says why."""
    try:
        with Path(path).open("rb") as stream:
            return _KIND.search(stream.read(_LOOKED_AT_BYTES)) is not None
    except OSError:
        return False
