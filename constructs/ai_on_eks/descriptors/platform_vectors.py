"""The platform file's section `vector_database`: where vectors of embedding models are kept and searched."""

from __future__ import annotations

from pydantic import Field

from ai_on_eks.descriptors.schema import Strict


class VectorDatabase(Strict):
    """Qdrant in the cluster, sized for so many documents."""

    documents: int = Field(ge=1, le=10**10, description="documents, or parts of documents, each with one vector")
    dimensions: int = Field(ge=1, le=65_535, description="numbers of a vector: the embedding model's hidden size")
    document_bytes: int = Field(
        default=1_000, ge=0, le=10**6, description="bytes of text and fields that are kept with each vector"
    )
    pods: int = Field(
        default=1,
        ge=1,
        le=50,
        description="pods that share the documents; three or more go on without one, fewer do not",
    )
    copies: int = Field(default=1, ge=1, le=5, description="pods that hold each document; at most `pods`")
