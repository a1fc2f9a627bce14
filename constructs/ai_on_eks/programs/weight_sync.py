"""Copy one revision of a model from the Hugging Face hub into the model store, byte for byte.

    resumable  a file that lies in the store with the hub's checksum and size is left alone
    verified   a file appears in the store only when all of it had the hub's checksum: SHA-256 of large files, git's
               SHA-1 of small ones; S3 checks the SHA-256 of every part once more as it arrives
    no disk    parts pass through memory, a window of them at a time
    no code    weights come as safetensors where the repository has them, never as pickles beside them

A record of all files lies beside the revision's folder at the end, so that "all there" is one object and not a guess.

Exit codes: 0 done; 1 worth another try; 3 no try will help (no access, no such revision, contents that differ).
"""

from __future__ import annotations

import argparse
import base64
import fnmatch
import hashlib
import json
import os
import re
import signal
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

EXIT_DONE, EXIT_AGAIN, EXIT_FINAL = 0, 1, 3

HUB = "https://huggingface.co"
PART_BYTES = 32 * 2**20
"""S3 takes parts of 5 MiB to 5 GiB; this many bytes lie in memory for every request under way."""
MOST_PARTS = 10_000
"""Of one upload (S3 user guide, qfacts, 2026-11)."""
WINDOW = 8
"""Parts under way at once."""
TRIES = 6
TIMEOUT_SECONDS = 60
MOST_WAIT_SECONDS = 120
LISTING_BYTES = 8 * 2**20
MOST_PAGES = 50

REFUSALS = frozenset({401, 403, 404, 410})
"""Answers of the hub that stay the same: gated, private, gone."""

PATH = re.compile(r"[A-Za-z0-9_\-][A-Za-z0-9_.+\-]*(/[A-Za-z0-9_\-][A-Za-z0-9_.+\-]*)*")
"""Names of files that become keys of objects."""
MOST_PATH_CHARACTERS = 512

SMALL_FILES = ("*.json", "*.txt", "*.model", "*.jinja", "*.tiktoken", "LICENSE*", "NOTICE*")
"""Configuration, tokenizers, chat templates and the terms that weights come under. No code and no pictures."""
WEIGHTS = {
    "safetensors": ("*.safetensors",),
    "gguf": ("*.gguf",),
    "onnx": ("*.onnx", "*.onnx_data", "*.onnx.data"),
    "pytorch": ("*.bin", "*.pt", "*.pth"),
    "tensorflow": ("*.pb", "variables/*", "assets/*"),
}
"""Files of weights by the descriptor's format."""
DOUBLES = ("consolidated*.safetensors", "*.fp16.safetensors", "*.non_ema.safetensors")
"""The same weights once more, under another name or rounded: left out where others are there."""

FIRST_PART = re.compile(r"-0+1-of-")


class FinalError(Exception):
    """What no further try will change."""


class LateError(Exception):
    """What another try may change."""


@dataclass(frozen=True)
class HubFile:
    """A file of the repository. `sha256` None where git holds it itself, and then `blob` is its object id."""

    path: str
    size: int
    sha256: str | None
    blob: str

    @property
    def checksum(self) -> str:
        return self.sha256 or self.blob


class Hub:
    """Reads one revision of one repository, with the token where there is one."""

    def __init__(self, address: str, repository: str, revision: str, token: str | None) -> None:
        self.address = address.rstrip("/")
        self.repository, self.revision, self.token = repository, revision, token
        self._opener = urllib.request.OpenerDirector()
        for handler in (
            urllib.request.ProxyHandler(),
            urllib.request.HTTPHandler(),
            urllib.request.HTTPSHandler(),
            urllib.request.HTTPRedirectHandler(),
            urllib.request.HTTPDefaultErrorHandler(),
            urllib.request.HTTPErrorProcessor(),
        ):
            self._opener.add_handler(handler)

    def files(self) -> list[HubFile]:
        """Every file of the revision."""
        found: list[HubFile] = []
        cursor: str | None = ""
        for _page in range(MOST_PAGES):
            query = {"recursive": "true", **({"cursor": cursor} if cursor else {})}
            path = f"/api/models/{self.repository}/tree/{self.revision}?{urllib.parse.urlencode(query)}"
            body, headers = self._again(path, lambda answer: (_read(answer, LISTING_BYTES), answer.headers))
            found += [_hub_file(entry) for entry in json.loads(body) if entry.get("type") == "file"]
            cursor = _cursor(headers.get("Link", ""))
            if cursor is None:
                return found
        raise FinalError(f"more than {MOST_PAGES} pages of files")

    def part(self, file: HubFile, start: int, length: int) -> bytes:
        """So many bytes of a file, or an error: never fewer, and never others."""
        path = f"/{self.repository}/resolve/{self.revision}/{urllib.parse.quote(file.path)}"
        last = start + length - 1

        def read(answer: HTTPResponse) -> bytes:
            whole = answer.status == 200 and start == 0 and length == file.size
            if not whole and answer.headers.get("Content-Range") != f"bytes {start}-{last}/{file.size}":
                raise LateError(f"{file.path}: the hub sent another range than bytes {start}-{last}")
            body = _read(answer, length)
            if len(body) != length:
                raise LateError(f"{file.path}: {len(body)} bytes came instead of {length}")
            return body

        body: bytes = self._again(path, read, {"Range": f"bytes={start}-{last}"})
        return body

    def _again(self, path: str, read: Any, headers: dict[str, str] | None = None) -> Any:
        """The answer, after a few tries with longer and longer waits."""
        for attempt in range(1, TRIES + 1):
            try:
                return self._once(path, read, headers or {})
            except urllib.error.HTTPError as error:
                if error.code in REFUSALS:
                    hint = " (gated: accept its terms and give a token)" if error.code in (401, 403) else ""
                    raise FinalError(f"the hub answers {error.code} for {path}{hint}") from None
                reason, wait = f"status {error.code}", _retry_after(error.headers.get("Retry-After"))
            except (OSError, HTTPException, LateError) as error:
                reason, wait = str(error) or type(error).__name__, 0
            if attempt == TRIES:
                raise LateError(f"{path}: {reason}, {TRIES} times")
            time.sleep(min(MOST_WAIT_SECONDS, max(wait, pause(attempt))))
        raise AssertionError("the last try returns or raises")

    def _once(self, path: str, read: Any, headers: dict[str, str]) -> Any:
        # Whatever the address, the opener has handlers for the web alone.
        request = urllib.request.Request(  # noqa: S310
            self.address + path, headers={"Accept-Encoding": "identity", **headers}
        )
        if self.token:
            # Not sent along when the hub redirects to where large files lie.
            request.add_unredirected_header("Authorization", f"Bearer {self.token}")
        answer = self._opener.open(request, timeout=TIMEOUT_SECONDS)
        if answer is None:
            raise FinalError(f"{self.address} is no web address")
        with answer:
            return read(answer)


def pause(attempt: int) -> float:
    """Seconds before the next try: 1, 2, 4, …"""
    return float(2 ** (attempt - 1))


def _read(answer: HTTPResponse, limit: int) -> bytes:
    body = answer.read(limit + 1)
    if len(body) > limit:
        raise LateError(f"more than {limit} bytes came")
    return bytes(body)


def _retry_after(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0


def _cursor(link: str) -> str | None:
    """Of the next page. Only its cursor is used: where to ask is not for the answer to say."""
    match = re.search(r'<([^>]*)>;\s*rel="next"', link)
    if match is None:
        return None
    return urllib.parse.parse_qs(urllib.parse.urlsplit(match[1]).query).get("cursor", [None])[0]


def _hub_file(entry: dict[str, Any]) -> HubFile:
    large = entry.get("lfs")
    sha256 = str(large["oid"]).removeprefix("sha256:") if large else None
    return HubFile(str(entry["path"]), int(large["size"] if large else entry["size"]), sha256, str(entry["oid"]))


def chosen(files: Iterable[HubFile], weights_format: str, named: str | None = None) -> list[HubFile]:
    """What of the repository is copied, by name: the weights of one format and the small files that describe them.

    `named` is the one file of weights that is wanted, or the first part of one.
    """
    every = sorted(files, key=lambda file: file.path)
    wanted = WEIGHTS[weights_format]
    if named is not None:
        parts = FIRST_PART.sub("-*-of-", named)
        wanted = (parts, f"{parts}_data", f"{parts}.data")  # ONNX keeps large tensors beside its graph
    weights = [file for file in every if _matches(file.path, wanted, whole=named is not None)]
    if weights_format == "pytorch" and any(file.path.endswith(".safetensors") for file in every):
        raise FinalError("the repository has safetensors: set source.format to safetensors, pickles can run code")
    singles = [file for file in weights if not _matches(file.path, DOUBLES)]
    weights = singles or weights
    if not weights:
        raise FinalError(f"the repository has no {' or '.join(wanted)}")
    small = [file for file in every if _matches(file.path, SMALL_FILES) and file not in weights]
    for file in (*small, *weights):
        if not PATH.fullmatch(file.path) or len(file.path) > MOST_PATH_CHARACTERS:
            raise FinalError(f"{file.path!r} is no name for a file in the store")
    return [*small, *weights]


def _matches(path: str, patterns: Sequence[str], *, whole: bool = False) -> bool:
    name = path.rsplit("/", 1)[-1]
    return any(fnmatch.fnmatchcase(path, one) or (not whole and fnmatch.fnmatchcase(name, one)) for one in patterns)


class Store:
    """One folder of the bucket."""

    def __init__(self, client: Any, bucket: str, prefix: str, part_bytes: int = PART_BYTES) -> None:
        self.client, self.bucket, self.prefix, self.part_bytes = client, bucket, prefix, part_bytes

    def has(self, file: HubFile) -> bool:
        """Whether the file lies there as the hub has it, and was verified."""
        try:
            found = self.client.head_object(Bucket=self.bucket, Key=self._key(file.path))
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NotFound"):
                return False
            raise
        return bool(found["ContentLength"] == file.size and found["Metadata"].get("checksum") == file.checksum)

    def copy(self, hub: Hub, file: HubFile, pool: ThreadPoolExecutor) -> None:
        """Upload the file part by part; it appears when all of it was right, and not at all otherwise."""
        size = max(self.part_bytes, -(-file.size // MOST_PARTS))
        if file.size <= size:
            body = hub.part(file, 0, file.size) if file.size else b""
            check(file, _digests(file, [body]))
            self._put(file.path, body, {"checksum": file.checksum})
            return
        key = self._key(file.path)
        made = self.client.create_multipart_upload(
            Bucket=self.bucket, Key=key, ChecksumAlgorithm="SHA256", Metadata={"checksum": file.checksum}
        )
        upload = {"Bucket": self.bucket, "Key": key, "UploadId": made["UploadId"]}
        try:
            sent: list[Future[dict[str, Any]]] = []

            def bodies() -> Iterator[bytes]:
                for number, body in enumerate(_ahead(hub, file, size, pool), start=1):
                    if number > WINDOW:
                        sent[number - WINDOW - 1].result()  # no more in memory than the window
                    sent.append(pool.submit(self._part, upload, number, body))
                    yield body

            check(file, _digests(file, bodies()))
            parts = [one.result() for one in sent]
            self.client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
        except BaseException:
            for one in sent:
                one.cancel()
            self.client.abort_multipart_upload(**upload)
            raise

    def record(self, repository: str, revision: str, files: Sequence[HubFile]) -> None:
        """Write down what a complete copy consists of, beside the revision's folder: engines never see it there."""
        listing = [{"path": file.path, "size": file.size, "checksum": file.checksum} for file in files]
        body = json.dumps({"repository": repository, "revision": revision, "files": listing}, indent=1).encode()
        self.client.put_object(
            Bucket=self.bucket, Key=f"{self.prefix}.files.json", Body=body, ChecksumSHA256=_base64_sha256(body)
        )

    def _put(self, path: str, body: bytes, metadata: dict[str, str]) -> None:
        self.client.put_object(
            Bucket=self.bucket, Key=self._key(path), Body=body, Metadata=metadata, ChecksumSHA256=_base64_sha256(body)
        )

    def _part(self, upload: dict[str, Any], number: int, body: bytes) -> dict[str, Any]:
        digest = _base64_sha256(body)
        done = self.client.upload_part(**upload, PartNumber=number, Body=body, ChecksumSHA256=digest)
        return {"PartNumber": number, "ETag": done["ETag"], "ChecksumSHA256": digest}

    def _key(self, path: str) -> str:
        return f"{self.prefix}/{path}"


def _ahead(hub: Hub, file: HubFile, size: int, pool: ThreadPoolExecutor) -> Iterator[bytes]:
    """The file's parts in order, the next ones already under way."""
    starts = iter(range(0, file.size, size))
    waiting: deque[Future[bytes]] = deque()
    try:
        while True:
            for start in starts:
                waiting.append(pool.submit(hub.part, file, start, min(size, file.size - start)))
                if len(waiting) == WINDOW:
                    break
            if not waiting:
                return
            yield waiting.popleft().result()
    finally:
        for one in waiting:
            one.cancel()


def _digests(file: HubFile, bodies: Iterable[bytes]) -> str:
    """The checksum of the bytes, by the hub's way for this file."""
    # git's own hash, to compare with git's own: nobody's secret depends on it
    digest = hashlib.sha256() if file.sha256 else hashlib.sha1(f"blob {file.size}\0".encode(), usedforsecurity=False)
    for body in bodies:
        digest.update(body)
    return digest.hexdigest()


def check(file: HubFile, digest: str) -> None:
    """Raise where bytes are not those that the hub announced."""
    if digest != file.checksum:
        raise FinalError(f"{file.path}: checksum {digest} where the hub announces {file.checksum}")


def _base64_sha256(body: bytes) -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def sync(hub: Hub, store: Store, weights_format: str, named: str | None) -> None:
    """Bring the store up to date with the hub, one file after the other, and tell of each."""
    files = chosen(hub.files(), weights_format, named)
    total = sum(file.size for file in files)
    _tell(f"{len(files)} files, {total} bytes")
    with ThreadPoolExecutor(max_workers=2 * WINDOW) as pool:
        for number, file in enumerate(files, start=1):
            began = time.monotonic()
            there = store.has(file)
            if not there:
                store.copy(hub, file, pool)
            seconds = time.monotonic() - began
            _tell(
                f"{number}/{len(files)} {file.path}: {'is there' if there else f'{file.size} bytes, {seconds:.1f} s'}"
            )
    store.record(hub.repository, hub.revision, files)
    _tell("done")


def _tell(text: str) -> None:
    print(text, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repository", required=True, help="org/name on the hub")
    parser.add_argument("--revision", required=True, help="commit")
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--prefix", required=True, help="folder of the revision in the bucket")
    parser.add_argument("--format", required=True, choices=sorted(WEIGHTS))
    parser.add_argument("--file", help="the one file of weights, or its first part")
    parser.add_argument("--token-file", type=Path, help="file with a token of the hub; default: none is sent")
    given = parser.parse_args(arguments)
    # Kubernetes stops a pod by this signal: unfinished uploads are given up instead of being paid for.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_AGAIN))
    try:
        token = given.token_file.read_text(encoding="utf-8").strip() if given.token_file else None
        client = boto3.client("s3", config=Config(retries={"mode": "standard", "max_attempts": TRIES}))
        hub = Hub(os.environ.get("HF_ENDPOINT", HUB), given.repository, given.revision, token)
        sync(hub, Store(client, given.bucket, given.prefix), given.format, given.file)
    except FinalError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_FINAL
    except (LateError, OSError, BotoCoreError, ClientError) as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_AGAIN
    return EXIT_DONE


if __name__ == "__main__":
    sys.exit(main())
