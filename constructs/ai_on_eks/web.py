"""One bounded request over HTTP: what asking an image registry and asking a model hub have in common.

    answer      status, headers and at most `limit` bytes; a body is read only where the status is the one expected
    redirects   to https only, at most five; the token goes along within one origin and stays behind at any other
    addresses   the host that the user named may be anywhere; a redirect may lead to a public address, or to one of the
                kind that the named host has itself, never from the internet into a private network
    repeated    while the server is busy or out of reach: 1, 2, 4 s, or what Retry-After asks for up to 30 s
    encodings   none: what is asked for by range has to be the file's own bytes

The address is checked on the connection that is used, before a byte is sent, so that a name cannot change its meaning
in between. Behind a proxy the proxy decides. Only the standard library, and nothing that sizes, plans or renders
imports this module: the network's modules would cost them a third of their start-up time. No token appears in a
message.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPResponse, HTTPSConnection
from ipaddress import IPv6Address, ip_address
from socket import EAI_NONAME, gaierror
from ssl import SSLCertVerificationError
from typing import IO, Any
from urllib.error import HTTPError
from urllib.parse import SplitResult, urlsplit
from urllib.request import (
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    Request,
    build_opener,
)

from msgspec import Struct

TIMEOUT_SECONDS = 20.0
"""Without a byte."""
ATTEMPTS = 4
FIRST_BACKOFF_SECONDS = 1.0
"""Doubled after every attempt: 1, 2, 4 s."""
LONGEST_BACKOFF_SECONDS = 30.0
"""A server that asks for more in Retry-After is reported instead of waited for."""
PIECE_BYTES = 64 * 2**10
"""Read at once, so that the time is looked at in between."""

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1"})
RETRIED_STATUS = frozenset({429, 500, 502, 503, 504})
PUBLIC = "public"


class WebError(Exception):
    """Why there is no answer: text for a message, lower case, with the host and without what was sent."""


class UnreachableError(WebError):
    """Nobody answers, or what is answered breaks off, every time it is asked."""


class InsecureError(WebError):
    """Something leads away from https."""


class AddressRefusedError(WebError):
    """A redirect leads into a network that the named host is not in."""


class TooLargeError(WebError):
    """The answer is larger than the caller allows."""


class BudgetError(WebError):
    """Everything asked for together takes more than the caller allows."""


@dataclass(frozen=True, slots=True)
class Question:
    """One request. `limit_bytes` of the body of an answer with the status `expected`; `token` is sent as a bearer's."""

    url: str
    limit_bytes: int
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    token: str | None = field(default=None, repr=False)
    expected: int = 200


class Answer(Struct, frozen=True):
    """`headers` in lower case. `body` is empty unless the status is the one that was expected."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Budget:
    """What all requests of a client together may take. `seconds` counts from the first request."""

    bytes_left: int
    requests_left: int
    seconds: float
    clock: Callable[[], float] = time.monotonic
    _ends_at: float | None = None

    def begin_request(self) -> None:
        if self._ends_at is None:
            self._ends_at = self.clock() + self.seconds
        self.requests_left -= 1
        if self.requests_left < 0:
            raise BudgetError("it takes more requests than are made for one source")
        self.spend(0)

    def spend(self, read_bytes: int) -> None:
        self.bytes_left -= read_bytes
        if self.bytes_left < 0:
            raise BudgetError("it takes more bytes than are transferred for one source")
        if self._ends_at is not None and self.clock() > self._ends_at:
            raise BudgetError(f"it takes longer than {self.seconds:,.0f} seconds")


@dataclass(slots=True)
class _Reach:
    """Where one request and its redirects may go."""

    allowed: frozenset[str] = frozenset()

    def check(self, address: str) -> None:
        kind = address_kind(address)
        if not self.allowed:
            self.allowed = frozenset({PUBLIC, kind})
        elif kind not in self.allowed:
            raise AddressRefusedError(f"a redirect leads to a {kind} address, which the host named is not")


class _Request(Request):
    """A request that remembers where its redirects may go."""

    reach: _Reach


class _Redirects(HTTPRedirectHandler):
    """Follows a redirect to https only, and asks there what was asked here."""

    max_redirections = 5

    def http_error_302(self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage) -> Any:
        try:
            return super().http_error_302(req, fp, code, msg, headers)
        except ValueError:  # no address at all: the library leaves the connection open
            fp.close()
            raise

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302

    def redirect_request(  # noqa: PLR0917 - the standard library's own signature
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        fp.close()  # or the library would read its body, however long it is
        require_safe(newurl, "a redirect")
        plain = super().redirect_request(req, fp, code, msg, headers, newurl)
        if plain is None or not isinstance(req, _Request):
            return plain
        following = _Request(plain.full_url, None, dict(plain.headers), req.origin_req_host, True, req.get_method())
        following.reach = req.reach
        authorization = req.unredirected_hdrs.get("Authorization")
        if authorization is not None and origin(req.full_url) == origin(newurl):
            following.add_unredirected_header("Authorization", authorization)
        return following


class _Guarded(HTTPConnection):
    """Looks at whom it is connected to before anything is sent, TLS included."""

    reach: _Reach
    _by_proxy = False

    def set_tunnel(self, *args: Any, **settings: Any) -> None:
        self._by_proxy = True
        super().set_tunnel(*args, **settings)

    def connect(self) -> None:
        super().connect()
        if self._by_proxy:
            return
        try:
            self.reach.check(self.sock.getpeername()[0])
        except AddressRefusedError:
            self.close()
            raise


class _GuardedByTls(HTTPSConnection, _Guarded):
    """`HTTPSConnection.connect` first connects as the next class does, then begins TLS."""


class _Plain(HTTPHandler):
    def http_open(self, req: Request) -> HTTPResponse:
        return self.do_open(functools.partial(_connection, _Guarded, _reach_of(req)), req)


class _Tls(HTTPSHandler):
    def https_open(self, req: Request) -> HTTPResponse:
        return self.do_open(functools.partial(_connection, _GuardedByTls, _reach_of(req)), req)


def _connection(kind: type[_Guarded], reach: _Reach, *args: Any, **settings: Any) -> _Guarded:
    connection = kind(*args, **settings)
    connection.reach = reach
    return connection


def _reach_of(request: Request) -> _Reach:
    return request.reach if isinstance(request, _Request) else _Reach()


def _opener() -> OpenerDirector:
    return build_opener(_Redirects(), _Plain(), _Tls())


@dataclass(slots=True)
class WebClient:
    """Asks one request at a time. Remembers the hosts that could not be reached: each is waited for once only."""

    timeout_seconds: float = TIMEOUT_SECONDS
    sleep: Callable[[float], None] = time.sleep
    budget: Budget | None = None
    _open: OpenerDirector = field(default_factory=_opener)
    _unreachable: dict[str, UnreachableError] = field(default_factory=dict)

    def ask(self, question: Question) -> Answer:
        """The last answer of at most `ATTEMPTS`."""
        host = host_of(question.url)
        if host in self._unreachable:
            raise self._unreachable[host]
        wait = FIRST_BACKOFF_SECONDS
        for attempt in range(1, ATTEMPTS + 1):
            last = attempt == ATTEMPTS
            try:
                answer = self._ask_once(question)
            except OSError as error:
                if last or _is_final(error):
                    self._unreachable[host] = UnreachableError(f"{host} cannot be reached: {_reason(error)}")
                    raise self._unreachable[host] from error
                self.sleep(wait)
            else:
                asked = _retry_after_seconds(answer)
                if last or answer.status not in RETRIED_STATUS or asked > LONGEST_BACKOFF_SECONDS:
                    return answer
                self.sleep(max(wait, asked))
            wait = min(2 * wait, LONGEST_BACKOFF_SECONDS)
        raise AssertionError("the last attempt returns or raises")

    def _ask_once(self, question: Question) -> Answer:
        require_safe(question.url, "the address")
        if self.budget is not None:
            self.budget.begin_request()
        sent = {"User-Agent": "ai-on-eks", "Accept-Encoding": "identity", **question.headers}
        request = _Request(question.url, method=question.method, headers=sent)
        request.reach = _Reach()
        if question.token is not None:
            request.add_unredirected_header("Authorization", f"Bearer {question.token}")
        try:
            with self._open.open(request, timeout=self.timeout_seconds) as response:
                wanted = response.status == question.expected and question.method != "HEAD"
                body = self._body(response, question) if wanted else b""
                return Answer(response.status, _lower(response.headers.items()), body)
        except HTTPError as error:
            error.close()
            return Answer(error.code, _lower(error.headers.items()), b"")
        except HTTPException as error:
            raise OSError(f"broken answer ({type(error).__name__})") from error
        except ValueError as error:  # what urllib makes of a redirect to `https://[` or to a label of 64 characters
            raise InsecureError("it leads to something that is no address") from error

    def _body(self, response: HTTPResponse, question: Question) -> bytes:
        limit = question.limit_bytes
        declared = response.headers.get("Content-Length", "")
        length = int(declared) if declared.isascii() and declared.isdigit() and len(declared) < 19 else None
        if length is not None and length > limit:
            raise TooLargeError(f"{host_of(question.url)} sends more than {limit} bytes")
        most = limit + 1 if length is None else length
        body = bytearray()
        while len(body) < most and (piece := response.read1(min(PIECE_BYTES, most - len(body)))):
            body += piece
            if self.budget is not None:
                self.budget.spend(len(piece))
        if len(body) > limit:
            raise TooLargeError(f"{host_of(question.url)} sends more than {limit} bytes")
        if length is not None and len(body) < length:
            raise OSError(f"the answer ends after {len(body):,} of {length:,} bytes")
        return bytes(body)


def require_safe(url: str, who: str) -> None:
    """https, or http on the loopback interface; else an `InsecureError` that calls the address `who`."""
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS):
        return
    address = ascii(f"{parts.scheme}://{parts.hostname}")[1:-1]  # a server's text: without what moves a cursor
    raise InsecureError(f"{who} leads to {address[:200]}, and only https is followed")


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port: what a token is for."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, _port(parts)


def host_of(url: str) -> str:
    """Host and port, without a user."""
    return urlsplit(url).netloc.rpartition("@")[2]


def address_kind(address: str) -> str:
    """public, loopback, link-local, private or reserved."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    if found.is_loopback:
        return "loopback"
    if found.is_link_local:
        return "link-local"
    if found.is_global and not found.is_multicast:
        return PUBLIC
    return "private" if found.is_private else "reserved"


def _port(parts: SplitResult) -> int | None:
    return parts.port or {"https": 443, "http": 80}.get(parts.scheme)


def _retry_after_seconds(answer: Answer) -> float:
    """The wait a server asks for; 0 where it asks for none or gives a date."""
    value = answer.headers.get("retry-after", "")
    return float(value) if value.isascii() and value.isdigit() and len(value) < 6 else 0.0


def _is_final(error: OSError) -> bool:
    """Would it be the same in a moment? A name that does not exist, a certificate that is not valid."""
    reason = getattr(error, "reason", None) or error
    unknown = isinstance(reason, gaierror) and reason.errno == EAI_NONAME
    return unknown or isinstance(reason, SSLCertVerificationError)


def _reason(error: OSError) -> str:
    reason = getattr(error, "reason", None) or error
    return str(getattr(reason, "strerror", None) or reason)


def _lower(headers: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    return {name.lower(): value for name, value in headers}
