"""Embed texts with a model of this platform, keep them in its vector database, and search by meaning.

    python search.py index notes.txt        one document a line
    python search.py search "how do I scale a model?"

Runs in the models' namespace, where both answer by their service names. EMBEDDINGS and VECTORS name other addresses
(`kubectl port-forward`). Needs nothing but Python.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from pathlib import Path
from typing import Any

EMBEDDINGS = os.environ.get("EMBEDDINGS", "http://bge-large-en-v1-5:8080")
VECTORS = os.environ.get("VECTORS", "http://qdrant.vector-database:6333")
COLLECTION = "notes"
BATCH = 32
"""Texts in one request: the descriptor's `serving.batch`."""
TIMEOUT_SECONDS = 60


def ask(method: str, url: str, body: dict[str, Any]) -> Any:
    """One answer of either service."""
    data = json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)  # noqa: S310
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - addresses of the cluster
        return json.load(answer)


def embed(texts: list[str]) -> list[list[float]]:
    """A vector for each text (Text Embeddings Inference, POST /embed)."""
    vectors: list[list[float]] = ask("POST", f"{EMBEDDINGS}/embed", {"inputs": texts, "truncate": True})
    return vectors


def index(texts: list[str]) -> int:
    """Keep the texts, numbered from 0; what was kept under these numbers is replaced."""
    for start in range(0, len(texts), BATCH):
        part = texts[start : start + BATCH]
        vectors = embed(part)
        if start == 0:
            make_collection(len(vectors[0]))
        points = [
            {"id": start + offset, "vector": vector, "payload": {"text": text}}
            for offset, (text, vector) in enumerate(zip(part, vectors, strict=True))
        ]
        ask("PUT", f"{VECTORS}/collections/{COLLECTION}/points?wait=true", {"points": points})
    return len(texts)


def make_collection(dimensions: int) -> None:
    """The collection, unless it is there. How many pods hold each document is the server's own setting."""
    url = f"{VECTORS}/collections/{COLLECTION}"
    with urllib.request.urlopen(f"{url}/exists", timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - as above
        if json.load(answer)["result"]["exists"]:
            return
    ask("PUT", url, {"vectors": {"size": dimensions, "distance": "Cosine"}})


def search(question: str, limit: int = 3) -> list[tuple[float, str]]:
    """The texts nearest in meaning, with how near they are."""
    body = {"query": embed([question])[0], "limit": limit, "with_payload": True}
    answer = ask("POST", f"{VECTORS}/collections/{COLLECTION}/points/query", body)
    return [(point["score"], point["payload"]["text"]) for point in answer["result"]["points"]]


def main(arguments: list[str]) -> int:
    if len(arguments) == 2 and arguments[0] == "index":
        texts = [line for line in Path(arguments[1]).read_text(encoding="utf-8").splitlines() if line.strip()]
        print(f"{index(texts)} texts kept")
        return 0
    if len(arguments) == 2 and arguments[0] == "search":
        for score, text in search(arguments[1]):
            print(f"{score:.3f}  {text}")
        return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
