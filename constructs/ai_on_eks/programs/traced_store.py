"""Where the traced server keeps its programs between starts: a prefix of a bucket, as `s3://bucket/prefix`."""

from __future__ import annotations

from pathlib import Path

import boto3
from botocore.config import Config


class Store:
    """Programs by their file names."""

    def __init__(self, url: str) -> None:
        self._bucket, _, self._prefix = url.removeprefix("s3://").partition("/")
        self._client = boto3.client("s3", config=Config(retries={"mode": "standard", "max_attempts": 6}))

    def fetch(self, path: Path) -> bool:
        """Whether the program was there. It is looked for in the list: an account that may list no more than its own
        prefix gets no 404 for what is missing, but a refusal."""
        key = f"{self._prefix}/{path.name}"
        listed = self._client.list_objects_v2(Bucket=self._bucket, Prefix=key)
        if not any(one["Key"] == key for one in listed.get("Contents", [])):
            return False
        unfinished = path.with_suffix(".fetched")
        self._client.download_file(self._bucket, key, str(unfinished))
        unfinished.replace(path)
        return True

    def keep(self, path: Path) -> None:
        """S3 shows it when all of it is there."""
        self._client.upload_file(str(path), self._bucket, f"{self._prefix}/{path.name}")
