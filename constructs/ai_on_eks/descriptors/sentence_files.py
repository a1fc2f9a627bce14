"""What sentence-transformers writes beside a transformers config.

    modules.json                        [{"type": "sentence_transformers.models.Transformer", …}, {… Pooling}, …]
    config_sentence_transformers.json   {"model_type": "SentenceTransformer" | "CrossEncoder" | "SparseEncoder", …}

A model that makes vectors is saved with a list of its modules. Cross-encoders name themselves where they have settings
at all; older ones are known by the single label of their config. Sources: sbert.net, "Creating Custom Models"; the
published settings of version 3.0 (none named) and 5.4 ("CrossEncoder"), read 2026-11-24.
"""

from __future__ import annotations

from collections.abc import Mapping

from ai_on_eks.descriptors.document import refuse
from ai_on_eks.descriptors.documents import read_json
from ai_on_eks.descriptors.places import Place
from ai_on_eks.descriptors.tasks import SentenceModel

MODULES = "modules.json"
SETTINGS = "config_sentence_transformers.json"


def sentence_model(folder: Place) -> SentenceModel:
    """What the files of sentence-transformers in `folder` say it is."""
    if (folder / SETTINGS).is_file():
        document = read_json(folder / SETTINGS)
        named = document.value.get("model_type") if isinstance(document.value, Mapping) else None
        if named == "CrossEncoder":
            return SentenceModel.RERANKER
    if not (folder / MODULES).is_file():
        return SentenceModel.NONE
    document = read_json(folder / MODULES)
    if not isinstance(document.value, list) or not all(isinstance(one, Mapping) for one in document.value):
        fix = "download the model's own files again"
        raise refuse("wrong-type", "holds no list of modules", document.file, 1, fix=fix)
    return SentenceModel.EMBEDDER if document.value else SentenceModel.NONE
