"""Which digest a registry gives for a tag: the part of the registry API v2 that pinning needs.

    digest = sha256(manifest)      HEAD announces it, GET proves it

Nothing but anonymous access: a private image is pinned by hand. Every answer is bounded in size and time, redirects
lead to https only, and no token appears in a message (`ai_on_eks.web`).
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from ai_on_eks.errors import EXIT_FINDINGS, AiOnEksError, Problem
from ai_on_eks.web import (
    LOOPBACK_HOSTS,
    TIMEOUT_SECONDS,
    Answer,
    InsecureError,
    Question,
    TooLargeError,
    WebClient,
    WebError,
    require_safe,
)

MANIFEST_LIMIT_BYTES = 4 * 2**20
"""The most a registry has to accept and so the most a manifest can be (OCI distribution specification 1.1)."""
TOKEN_LIMIT_BYTES = 64 * 2**10
"""Far above any token seen; bounds an answer we do not control."""

MANIFEST_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
"""Index first: the digest of an index pins every architecture at once."""

API_HOSTS: Mapping[str, str] = {"docker.io": "registry-1.docker.io"}
"""Hosts whose API lives under another name."""
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_CHALLENGE_PARAMETER = re.compile(r'([a-z_]+)="([^"]*)"')


class RegistryError(AiOnEksError):
    """A registry did not give a digest. The images file is well-formed, so this is a finding."""

    exit_code = EXIT_FINDINGS


@dataclass(slots=True)
class RegistryClient:
    """Resolves tags. Holds the anonymous tokens of one run and the hosts that could not be reached in it."""

    timeout_seconds: float = TIMEOUT_SECONDS
    sleep: Callable[[float], None] = time.sleep
    _web: WebClient = field(init=False)
    _tokens: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._web = WebClient(self.timeout_seconds, self.sleep)

    def digest(self, repository: str, tag: str) -> str:
        """`sha256:…` of the manifest behind `repository:tag`. `repository` starts with the registry's host."""
        return _hashed(self.manifest(repository, tag))

    def manifest(self, repository: str, tag: str) -> bytes:
        """The manifest behind `repository:tag`, which has the digest that the registry announces."""
        host, _, name = repository.partition("/")
        if host == "docker.io" and "/" not in name:
            name = f"library/{name}"
        url = f"{base_url(host)}/v2/{name}/manifests/{tag}"
        announced = self._manifest("HEAD", url, repository, tag).headers.get("docker-content-digest")
        answer = self._manifest("GET", url, repository, tag)
        computed = _hashed(answer.body)
        for claimed in (announced, answer.headers.get("docker-content-digest")):
            if claimed is not None and claimed != computed:
                raise _error(
                    "registry-digest-mismatch",
                    f"the registry announces {_shown_digest(claimed)} for {repository}:{tag} "
                    f"but its manifest hashes to {computed}",
                    fix="run the command again; if it stays, do not use this registry",
                )
        return answer.body

    def _manifest(self, method: str, url: str, repository: str, tag: str) -> Answer:
        headers = {"Accept": ", ".join(MANIFEST_TYPES)}
        token = self._tokens.get(repository)
        answer = self._ask(method, url, headers, token, MANIFEST_LIMIT_BYTES)
        if answer.status == 401 and token is None:
            token = self._fetch_token(answer.headers.get("www-authenticate", ""), repository)
            self._tokens[repository] = token
            answer = self._ask(method, url, headers, token, MANIFEST_LIMIT_BYTES)
        if answer.status == 200:
            return answer
        raise _status_error(answer.status, repository, tag)

    def _fetch_token(self, challenge: str, repository: str) -> str:
        scheme, _, rest = challenge.partition(" ")
        parameters = dict(_CHALLENGE_PARAMETER.findall(rest))
        realm = parameters.pop("realm", "")
        if scheme.lower() != "bearer" or not realm:
            raise _error(
                "registry-unauthorized",
                f"{repository} asks for credentials, and only anonymous access is made",
                fix="write digest and verified by hand",
            )
        _require_safe(realm, "the token service")
        query = {key: value for key, value in parameters.items() if key in ("service", "scope")}
        answer = self._ask("GET", f"{realm}?{urlencode(query)}", {}, None, TOKEN_LIMIT_BYTES)
        if answer.status != 200:
            raise _error(
                "registry-unauthorized", f"the token service of {repository} answers {answer.status}", fix=_BY_HAND
            )
        try:
            document = json.loads(answer.body)
            token = document.get("token") or document.get("access_token")
        except (ValueError, AttributeError, RecursionError):
            token = None
        if not isinstance(token, str) or not token or not token.isprintable():
            raise _error("registry-answer-invalid", f"the token service of {repository} gives no token", fix=_BY_HAND)
        return token

    def _ask(self, method: str, url: str, headers: Mapping[str, str], token: str | None, limit: int) -> Answer:
        return ask(self._web, Question(url, limit, method, headers, token))


_BY_HAND = "run the command again later, or write digest and verified by hand"


def ask(web: WebClient, question: Question) -> Answer:
    """The answer, or why there is none as a problem."""
    try:
        return web.ask(question)
    except TooLargeError as error:
        raise _error("registry-answer-too-large", str(error), fix=_BY_HAND) from error
    except InsecureError as error:
        raise _error("registry-insecure", str(error), fix=_BY_HAND) from error
    except WebError as error:
        raise _error("registry-unreachable", str(error), fix="check the network and run the command again") from error


def base_url(host: str) -> str:
    """Where a registry's API is: https, except on the loopback interface."""
    scheme = "http" if host.partition(":")[0] in LOOPBACK_HOSTS else "https"
    return f"{scheme}://{API_HOSTS.get(host, host)}"


def _require_safe(url: str, who: str) -> None:
    try:
        require_safe(url, who)
    except InsecureError as error:
        raise _error("registry-insecure", str(error), fix=_BY_HAND) from error


def _status_error(status: int, repository: str, tag: str) -> RegistryError:
    if status == 404:
        return _error(
            "image-not-found",
            f"the registry has no {repository}:{tag}",
            fix="correct repository or tag",
        )
    if status in (401, 403):
        return _error("registry-unauthorized", f"{repository} is not readable without credentials", fix=_BY_HAND)
    return _error("registry-unreachable", f"the registry answers {status} for {repository}:{tag}", fix=_BY_HAND)


def _error(code: str, message: str, *, fix: str) -> RegistryError:
    return RegistryError(Problem(code=code, message=message, fix=fix))


def _shown_digest(claimed: str) -> str:
    return claimed if _DIGEST.fullmatch(claimed) else "no valid digest"


def _hashed(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"
