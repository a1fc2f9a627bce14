"""Names and ports of the vector database: what its chart, its policies and its callers agree on."""

from __future__ import annotations

NAME = "qdrant"
NAMESPACE = "vector-database"
VECTOR_CLASS = "ai-on-eks-vectors"
"""StorageClass of its volumes."""

API_PORT = 6333
RPC_PORT = 6334
PEER_PORT = 6335
"""HTTP for people and programs, gRPC for programs, and between its own pods (qdrant-helm, values 1.15.4)."""

ADDRESS = f"http://{NAME}.{NAMESPACE}:{API_PORT}"
