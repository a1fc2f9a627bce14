"""Which digest a registry gives for a tag: the part of the registry API v2 that pinning needs.

    digest = sha256(manifest)      HEAD announces it, GET proves it

Only the standard library, and nothing that plans or renders imports this module: the network's modules would cost them
a third of their start-up time. Nothing but anonymous access: a private image is pinned by hand. Every answer is bounded
in size and time, redirects lead to https only, and no token appears in a message.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPMessage
from typing import IO
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from ai_on_eks.errors import EXIT_FINDINGS, AiOnEksError, Problem

MANIFEST_LIMIT_BYTES = 4 * 2**20
"""The most a registry has to accept and so the most a manifest can be (OCI distribution specification 1.1)."""
TOKEN_LIMIT_BYTES = 64 * 2**10
"""Far above any token seen; bounds an answer we do not control."""
TIMEOUT_SECONDS = 20.0
ATTEMPTS = 4
FIRST_BACKOFF_SECONDS = 1.0
"""Doubled after every attempt: 1, 2, 4 s."""
LONGEST_BACKOFF_SECONDS = 30.0
"""A registry that asks for more in Retry-After is reported instead of waited for."""

MANIFEST_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
"""Index first: the digest of an index pins every architecture at once."""

API_HOSTS: Mapping[str, str] = {"docker.io": "registry-1.docker.io"}
"""Hosts whose API lives under another name."""
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1"})
RETRIED_STATUS = frozenset({429, 500, 502, 503, 504})
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_CHALLENGE_PARAMETER = re.compile(r'([a-z_]+)="([^"]*)"')


class RegistryError(AiOnEksError):
    """A registry did not give a digest. The images file is well-formed, so this is a finding."""

    exit_code = EXIT_FINDINGS


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


class _SafeRedirects(HTTPRedirectHandler):
    """Follows a redirect to https only, and asks there what was asked here."""

    max_redirections = 5

    def redirect_request(  # noqa: PLR0917 - the standard library's own signature
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        try:
            _require_safe(newurl, "a redirect")
        except RegistryError:
            fp.close()
            raise
        following = super().redirect_request(req, fp, code, msg, headers, newurl)
        if following is not None:
            following.method = req.get_method()
        return following


def _safe_opener() -> OpenerDirector:
    return build_opener(_SafeRedirects())


@dataclass(slots=True)
class RegistryClient:
    """Resolves tags. Holds the anonymous tokens of one run and the hosts that could not be reached in it."""

    timeout_seconds: float = TIMEOUT_SECONDS
    sleep: Callable[[float], None] = time.sleep
    _opener: OpenerDirector = field(default_factory=_safe_opener)
    _tokens: dict[str, str] = field(default_factory=dict)
    _unreachable: dict[str, RegistryError] = field(default_factory=dict)

    def digest(self, repository: str, tag: str) -> str:
        """`sha256:…` of the manifest behind `repository:tag`. `repository` starts with the registry's host."""
        host, _, name = repository.partition("/")
        if host == "docker.io" and "/" not in name:
            name = f"library/{name}"
        url = f"{base_url(host)}/v2/{name}/manifests/{tag}"
        announced = self._manifest("HEAD", url, repository, tag).headers.get("docker-content-digest")
        answer = self._manifest("GET", url, repository, tag)
        computed = f"sha256:{hashlib.sha256(answer.body).hexdigest()}"
        for claimed in (announced, answer.headers.get("docker-content-digest")):
            if claimed is not None and claimed != computed:
                raise _error(
                    "registry-digest-mismatch",
                    f"the registry announces {_shown_digest(claimed)} for {repository}:{tag} "
                    f"but its manifest hashes to {computed}",
                    fix="run the command again; if it stays, do not use this registry",
                )
        return computed

    def _manifest(self, method: str, url: str, repository: str, tag: str) -> _Answer:
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

    def _ask(self, method: str, url: str, headers: Mapping[str, str], token: str | None, limit: int) -> _Answer:
        """One request, repeated while the registry is busy or out of reach. A host that stayed out of reach is not
        waited for again: without a network every image would wait in turn."""
        host = _host_of(url)
        if host in self._unreachable:
            raise self._unreachable[host]
        wait = FIRST_BACKOFF_SECONDS
        for attempt in range(1, ATTEMPTS + 1):
            last = attempt == ATTEMPTS
            try:
                answer = self._ask_once(method, url, headers, token, limit)
            except OSError as error:
                if last:
                    self._unreachable[host] = _error(
                        "registry-unreachable",
                        f"{host} cannot be reached: {_reason(error)}",
                        fix="check the network and run the command again",
                    )
                    raise self._unreachable[host] from error
                self.sleep(wait)
            else:
                asked = _retry_after_seconds(answer)
                if last or answer.status not in RETRIED_STATUS or asked > LONGEST_BACKOFF_SECONDS:
                    return answer
                self.sleep(max(wait, asked))
            wait = min(2 * wait, LONGEST_BACKOFF_SECONDS)
        raise AssertionError("the last attempt returns or raises")

    def _ask_once(self, method: str, url: str, headers: Mapping[str, str], token: str | None, limit: int) -> _Answer:
        _require_safe(url, "the registry")
        request = Request(url, method=method, headers={"User-Agent": "ai-on-eks", **headers})  # noqa: S310 - checked
        if token is not None:
            # Never sent on to where a redirect leads.
            request.add_unredirected_header("Authorization", f"Bearer {token}")
        try:
            with self._opener.open(request, timeout=self.timeout_seconds) as response:
                body = response.read(limit + 1)
                if len(body) > limit:
                    raise _error(
                        "registry-answer-too-large", f"{_host_of(url)} sends more than {limit} bytes", fix=_BY_HAND
                    )
                return _Answer(response.status, _lower(response.headers.items()), body)
        except HTTPError as error:
            with error:
                return _Answer(error.code, _lower(error.headers.items()), b"")
        except HTTPException as error:
            raise OSError(f"broken answer ({type(error).__name__})") from error


_BY_HAND = "run the command again later, or write digest and verified by hand"


def base_url(host: str) -> str:
    """Where a registry's API is: https, except on the loopback interface."""
    scheme = "http" if host.partition(":")[0] in LOOPBACK_HOSTS else "https"
    return f"{scheme}://{API_HOSTS.get(host, host)}"


def _require_safe(url: str, who: str) -> None:
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS):
        return
    raise _error(
        "registry-insecure",
        f"{who} leads to {parts.scheme}://{parts.hostname}, and only https is followed",
        fix=_BY_HAND,
    )


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


def _retry_after_seconds(answer: _Answer) -> float:
    """The wait a registry asks for; 0 where it asks for none or gives a date."""
    value = answer.headers.get("retry-after", "")
    return float(value) if value.isascii() and value.isdigit() and len(value) < 6 else 0.0


def _shown_digest(claimed: str) -> str:
    return claimed if _DIGEST.fullmatch(claimed) else "no valid digest"


def _host_of(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _reason(error: OSError) -> str:
    reason = getattr(error, "reason", None) or error
    return str(getattr(reason, "strerror", None) or reason)


def _lower(headers: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    return {name.lower(): value for name, value in headers}
