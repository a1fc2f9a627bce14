"""Where the hub is and as whom it is asked: the variables and the file that the hub's own client reads.

    HF_ENDPOINT                    https://huggingface.co
    HF_TOKEN                       else HUGGING_FACE_HUB_TOKEN, its older name, else the file at HF_TOKEN_PATH, else
                                   $HF_HOME/token, else ~/.cache/huggingface/token
    HF_HUB_DISABLE_IMPLICIT_TOKEN  no token at all
    HF_HUB_OFFLINE                 the network is not used; TRANSFORMERS_OFFLINE says the same

A token is never an option of the command: arguments are seen by every user of the machine. Source:
huggingface_hub 2.4.0 (constants.py, utils/_auth.py), read 2026-11-28.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from ai_on_eks.descriptors.document import read_text, refuse
from ai_on_eks.errors import InputError
from ai_on_eks.web import InsecureError, require_safe

ENDPOINT = "https://huggingface.co"
MAX_TOKEN_BYTES = 4_096

_TRUE = frozenset({"1", "on", "yes", "true"})
_TOKEN = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class HubSettings:
    """`token` is sent to the origin of `endpoint` and nowhere else."""

    endpoint: str
    token: str | None = field(repr=False)


def hub_settings(environment: Mapping[str, str]) -> HubSettings:
    """The settings of this process's user."""
    return HubSettings(_endpoint(environment), _token(environment))


def require_online(environment: Mapping[str, str], source: str) -> None:
    """An InputError where the user has said that nothing is to be downloaded."""
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        if _is_true(environment, name):
            fix = "unset it, or describe a folder that holds the model's files"
            raise refuse("remote-unreachable", f"{name} is set, and this source is on a server", source, fix=fix)


def _endpoint(environment: Mapping[str, str]) -> str:
    endpoint = environment.get("HF_ENDPOINT", "").rstrip("/") or ENDPOINT
    try:
        parts = urlsplit(endpoint)
        require_safe(endpoint, "it")
        plain = bool(parts.hostname) and "@" not in parts.netloc and not parts.query and not parts.fragment
    except (ValueError, InsecureError):
        plain = False
    if not plain:
        fix = f"unset it, or write {ENDPOINT}"
        message = "is not an https address without user and query"
        raise refuse("remote-address-invalid", message, "HF_ENDPOINT", fix=fix)
    return endpoint


def _token(environment: Mapping[str, str]) -> str | None:
    if _is_true(environment, "HF_HUB_DISABLE_IMPLICIT_TOKEN"):
        return None
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        if environment.get(name, "").strip():
            return _checked(environment[name], name)
    path = _token_path(environment)
    try:
        text = read_text(path, MAX_TOKEN_BYTES)
    except InputError as error:
        if error.problems[0].code == "file-not-found":
            return None
        raise
    return _checked(text, str(path)) if text.strip() else None


def _token_path(environment: Mapping[str, str]) -> Path:
    if environment.get("HF_TOKEN_PATH"):
        return Path(environment["HF_TOKEN_PATH"]).expanduser()
    cache = environment.get("XDG_CACHE_HOME") or os.path.join("~", ".cache")
    home = environment.get("HF_HOME") or os.path.join(cache, "huggingface")
    return Path(home).expanduser() / "token"


def _checked(text: str, where: str) -> str:
    """A token with a blank or a line break in it would end up in another header, or in the message of an exception."""
    token = text.strip()
    if _TOKEN.fullmatch(token) is None:
        fix = "write the token alone, as the hub shows it"
        raise refuse("remote-token-invalid", "holds more than one word of plain letters", where, fix=fix)
    return token


def _is_true(environment: Mapping[str, str], name: str) -> bool:
    return environment.get(name, "").strip().lower() in _TRUE
