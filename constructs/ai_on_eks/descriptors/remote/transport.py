"""Whole files and byte ranges from a server; every failure is a problem with a stable code.

range        206 with exactly the bytes asked for, of a file of one size and one ETag; a server that sends the whole
             file instead is refused before its body is read
bounded      bytes, requests and seconds of one description together
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from msgspec import Struct

from ai_on_eks.descriptors.document import refuse
from ai_on_eks.errors import InputError
from ai_on_eks.web import (
    AddressRefusedError,
    Answer,
    Budget,
    BudgetError,
    InsecureError,
    Question,
    TooLargeError,
    UnreachableError,
    WebClient,
    WebError,
)

TOTAL_BYTES = 128 * 2**20
"""The longest published list of shards has 29 MB, the headers behind it as much again."""
TOTAL_REQUESTS = 4_096
"""Every part of a model may be one (`readers.limits`)."""
TOTAL_SECONDS = 600.0

OFFLINE_FIX = "check the network, or download the model's files and describe their folder"
AGAIN_FIX = "run the command again; if it stays, download the model's files and describe their folder"

_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.ASCII)
_NO_RANGE = re.compile(r"bytes \*/(\d{1,18})", re.ASCII)


class Piece(Struct, frozen=True):
    """Bytes of a file of `total_bytes` from `start`. `etag` is empty where the server gives none."""

    start: int
    data: bytes
    total_bytes: int
    etag: str


class Transport(Struct, frozen=True):
    """`name` is what a message calls that which is asked for."""

    client: WebClient

    def whole(self, url: str, name: str, limit_bytes: int, token: str | None) -> Answer | None:
        """The whole of something small; None where there is nothing."""
        answer = self._ask(Question(url, limit_bytes, token=token), name)
        if answer.status == 404:
            return None
        _check_status(answer, 200, name)
        return answer

    def piece(self, url: str, name: str, start: int, end: int, token: str | None) -> Piece | None:
        """Bytes from `start` to before `end` of a file, fewer where it ends; None where there is no file."""
        headers = {"Range": f"bytes={start}-{end - 1}"}
        answer = self._ask(Question(url, end - start, headers=headers, token=token, expected=206), name)
        if answer.status == 404:
            return None
        etag = answer.headers.get("etag", "")
        if answer.status == 416:
            match = _NO_RANGE.fullmatch(answer.headers.get("content-range", ""))
            if match is None or int(match[1]) > start:
                raise invalid(name, "it refuses a range that the file has")
            return Piece(start, b"", int(match[1]), etag)
        if answer.status == 200:
            message = "the server sends whole files only, and a header is not worth one"
            fix = "download the model's files and describe their folder"
            raise refuse("remote-range-refused", message, name, fix=fix)
        _check_status(answer, 206, name)
        match = _CONTENT_RANGE.fullmatch(answer.headers.get("content-range", ""))
        if match is None:
            raise invalid(name, "it does not say which bytes it sends")
        first, last, total = (int(number) for number in match.groups())
        if first != start or last != min(end, total) - 1 or len(answer.body) != last - first + 1:
            raise invalid(name, f"it sends other bytes than {start:,} to {end - 1:,}, which were asked for")
        return Piece(start, answer.body, total, etag)

    def _ask(self, question: Question, name: str) -> Answer:
        try:
            return self.client.ask(question)
        except WebError as error:
            raise _problem(error, name) from error


def open_transport(sleep: Callable[[float], None] = time.sleep) -> Transport:
    """For one description."""
    return Transport(WebClient(sleep=sleep, budget=Budget(TOTAL_BYTES, TOTAL_REQUESTS, TOTAL_SECONDS)))


def invalid(name: str, reason: str) -> InputError:
    """The error for an answer that contradicts the question, itself or an answer before."""
    return refuse("remote-answer-invalid", f"the server's answer is not usable: {reason}", name, fix=AGAIN_FIX)


def _problem(error: WebError, name: str) -> InputError:
    if isinstance(error, UnreachableError):
        return refuse("remote-unreachable", str(error), name, fix=OFFLINE_FIX)
    if isinstance(error, InsecureError | AddressRefusedError):
        return refuse("remote-redirect-refused", str(error), name, fix=AGAIN_FIX)
    if isinstance(error, BudgetError):
        fix = "download the model's files and describe their folder"
        return refuse("remote-too-large", str(error), name, fix=fix)
    assert isinstance(error, TooLargeError)  # noqa: S101 - there are no others
    return invalid(name, str(error))


def _check_status(answer: Answer, expected: int, name: str) -> None:
    status = answer.status
    if status in {401, 403}:
        raise _unauthorized(answer, name)
    if 300 <= status < 400:
        message = f"answers {status}, and where that leads is not followed"
        raise refuse("remote-redirect-refused", message, name, fix=AGAIN_FIX)
    if status == 429 or status >= 500:
        raise refuse("remote-unreachable", f"the server answers {status} and stays with it", name, fix=OFFLINE_FIX)
    if status != expected:
        raise invalid(name, f"it has status {status}")
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise invalid(name, "it is encoded, though the plain bytes were asked for")


def _unauthorized(answer: Answer, name: str) -> InputError:
    if answer.headers.get("x-error-code") == "GatedRepo":
        message = "is given only to those who accepted its terms on the model's page"
    else:
        message = "does not exist, or is not given without a token that may read it"
    return refuse("remote-unauthorized", message, name, fix="check the name, and set HF_TOKEN or run 'hf auth login'")
