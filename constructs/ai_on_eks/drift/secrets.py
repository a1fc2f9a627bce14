"""Values as text that may be shown. What the cluster holds was written by anyone, and may hold a password.

Hidden is a value whose field or variable is named like a credential, one that looks like a credential itself, and every
value of a variable, a ConfigMap or an annotation that only the cluster has: nobody rendered it. Shown of a long text is
its digest.
"""

from __future__ import annotations

import hashlib
import json
import re

MAX_SHOWN_CHARACTERS = 80
HIDDEN = "(hidden)"

_NAMED_SO = re.compile(
    r"(api[-_]?key|access[-_]?key|auth|authorization|credentials?|passw(or)?d|passphrase|private[-_]?key|secret|token)(?![a-z])",
    re.IGNORECASE,
)
_LOOKS_SO = re.compile(
    r"\bhf_[A-Za-z0-9]{10}|\bsk-[A-Za-z0-9_-]{10}|\b(AKIA|ASIA)[A-Z0-9]{12}|\bghp_[A-Za-z0-9]{10}|\beyJ[\w-]{10}"
    r"|-----BEGIN |://[^/\s:@]+:[^/\s@]+@"
)
"""Tokens of the hub, model providers, AWS, GitHub and signed ones (JWT) by how they begin; keys; addresses with a
password."""

_FREE_TEXT = re.compile(r"(^|\.)(env\[[^\]]*\](\.value)?|data|binaryData|stringData|annotations)($|[.\[])")
"""Where people put values of their own: variables, ConfigMaps, annotations."""


def shown(path: str, value: object, *, foreign: bool = False) -> str:
    """The value as text of one line. `foreign` where only the cluster has such a field."""
    if foreign and _FREE_TEXT.search(path):
        return HIDDEN
    if isinstance(value, dict | list):
        text = json.dumps(_without_secrets(path, value), sort_keys=True, ensure_ascii=True)
    elif _is_secret(path, value):
        return HIDDEN
    else:
        text = value if isinstance(value, str) else json.dumps(value)
    if len(text) <= MAX_SHOWN_CHARACTERS and "\n" not in text:
        return text
    return f"({len(text):,} characters, sha256 {hashlib.sha256(text.encode()).hexdigest()[:12]})"


def announces_secret(argument: object) -> bool:
    """Whether the next argument is a credential: `--api-key`."""
    return isinstance(argument, str) and argument.startswith("-") and bool(_NAMED_SO.search(argument))


def _is_secret(path: str, value: object) -> bool:
    if not isinstance(value, str):
        return False
    carried = "=" in value and announces_secret(value.partition("=")[0])
    return carried or bool(_NAMED_SO.search(path) or _LOOKS_SO.search(value))


def _without_secrets(path: str, value: object) -> object:
    if isinstance(value, dict):
        named = value.get("name")
        inner = f"{path}.{named}" if isinstance(named, str) else path
        return {key: item if key == "name" else _without_secrets(f"{inner}.{key}", item) for key, item in value.items()}
    if isinstance(value, list):
        before = [None, *value]
        return [
            HIDDEN if announces_secret(last) else _without_secrets(path, item)
            for last, item in zip(before, value, strict=False)
        ]
    return HIDDEN if _is_secret(path, value) else value
