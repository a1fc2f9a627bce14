"""What the traced server makes of texts and images: the values that a traced program takes.

Everything that decides it lies beside the weights: tokenizer.json, preprocessor_config.json, modules.json, config.json.
What they do not say is refused. A vector that was pooled otherwise, or a pixel on another scale, looks like any other.
"""

from __future__ import annotations

import base64
import io
import json
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

MOST_PIXELS = 50_000_000
"""Of one image, before it is made smaller: what a few hundred bytes unpack to is bounded."""

DECODED_AT_ONCE = 4
"""Images, whoever sends them. Each has MOST_PIXELS at most, of four bytes as it was sent and of three in colours."""

MOST_CHARACTERS = 100
"""Of a text, for each token that is served: what is longer is too long in any language, and not worth the tokenizer's
time."""

COUNTED_FROM_PADDING = ("camembert", "mpnet", "roberta", "xlm-roberta")
"""Model types whose first token has the position after the padding's (transformers 4.57, modeling_roberta.py,
create_position_ids_from_input_ids)."""

POOLINGS = {"cls": "cls", "cls_token": "cls", "mean": "mean", "mean_tokens": "mean"}
"""Names of the two ways to pool that are served; sentence-transformers has had both spellings."""


class FinalError(Exception):
    """What no further try will change."""


class RefusedError(Exception):
    """An answer that is no result. `kind` is what callers tell them apart by."""

    def __init__(self, status: int, message: str, kind: str) -> None:
        super().__init__(message)
        self.status, self.message, self.kind = status, message, kind


class Pooling(NamedTuple):
    """How tokens become one vector, as sentence-transformers wrote it beside the model."""

    mode: str
    normalize: bool


class Item:
    """One input: the first program whose shape holds it, its values, and its row of the answer once there is one."""

    def __init__(self, program: int, values: Any) -> None:
        self.program, self.values = program, values
        self.row: Future[Any] = Future()


class Texts:
    """Texts as tokens, padded to the length of a program."""

    def __init__(self, folder: Path, config: Mapping[str, Any], lengths: Sequence[int]) -> None:
        from tokenizers import Tokenizer  # noqa: PLC0415 - images need none

        if not (folder / "tokenizer.json").is_file():
            raise FinalError("tokenizer.json is missing: save the tokenizer in its fast form")
        self.lengths = _held(lengths, config)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        padding = self._tokenizer.padding or {}
        pad = padding.get("pad_id", config.get("pad_token_id"))
        if pad is None:
            raise FinalError("neither tokenizer.json nor config.json says which token fills up a text")
        self._pad = int(pad)
        # Files often come with the limits of their training; what is too long here is refused, and never cut.
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def shapes(self, batch: int) -> list[tuple[int, ...]]:
        return [(batch, length) for length in self.lengths]

    def item(self, text: str) -> Item:
        if len(text) > MOST_CHARACTERS * self.lengths[-1]:
            raise RefusedError(400, f"an input has {len(text):,} characters", "context_length_exceeded")
        try:
            ids = self._tokenizer.encode(text).ids
        except (TypeError, UnicodeError):
            raise RefusedError(400, "an input is no Unicode text", "invalid_value") from None
        for program, length in enumerate(self.lengths):
            if len(ids) <= length:
                return Item(program, ids)
        raise RefusedError(
            400, f"an input has {len(ids)} tokens, {self.lengths[-1]} are served", "context_length_exceeded"
        )

    def packed(self, items: Sequence[Item], shape: Sequence[int]) -> Any:
        """Tokens, and which of them count, of each text."""
        rows = np.zeros((len(items), 2, *shape[1:]), dtype="<i8")
        rows[:, 0] = self._pad
        for row, item in zip(rows, items, strict=True):
            row[0, : len(item.values)] = item.values
            row[1, : len(item.values)] = 1
        return rows


def _held(lengths: Sequence[int], config: Mapping[str, Any]) -> tuple[int, ...]:
    """Lengths that the model has positions for. Relatives of RoBERTa count theirs from behind the padding's on."""
    most = int(config.get("max_position_embeddings") or lengths[-1])
    if config.get("model_type") in COUNTED_FROM_PADDING:
        most -= int(config.get("pad_token_id", 1)) + 1
    return tuple(dict.fromkeys(min(length, most) for length in lengths))


class Images:
    """Images as pixels, made as the model's own settings say."""

    def __init__(self, folder: Path) -> None:
        from PIL import Image  # noqa: PLC0415 - texts need none of this
        from transformers import AutoImageProcessor  # noqa: PLC0415

        if not (folder / "preprocessor_config.json").is_file():
            raise FinalError("preprocessor_config.json is missing: how pixels are made is not known")
        self._image = Image
        self._decoding = threading.BoundedSemaphore(DECODED_AT_ONCE)
        self._processor = AutoImageProcessor.from_pretrained(str(folder), local_files_only=True, use_fast=False)
        self.side: tuple[int, ...] = self._pixels(Image.new("RGB", (256, 192))).shape

    def _pixels(self, image: Any) -> Any:
        return np.asarray(self._processor(image, return_tensors="np")["pixel_values"][0], dtype="<f4")

    def shapes(self, batch: int) -> list[tuple[int, ...]]:
        return [(batch, *self.side)]

    def item(self, encoded: str) -> Item:
        try:
            image = self._image.open(io.BytesIO(base64.b64decode(encoded, validate=True)))
            if image.width * image.height > MOST_PIXELS:
                raise RefusedError(400, f"an image has more than {MOST_PIXELS:,} pixels", "image_too_large")
            with self._decoding:
                return Item(0, self._pixels(image.convert("RGB")))
        except (OSError, SyntaxError, ValueError, self._image.DecompressionBombError) as error:
            raise RefusedError(400, f"an image cannot be read: {error}", "invalid_image") from None

    def packed(self, items: Sequence[Item], _shape: Sequence[int]) -> Any:
        """Pixels of each image."""
        return np.ascontiguousarray(np.stack([item.values for item in items]))


def read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FinalError(f"{path.name} is missing") from None
    except ValueError as error:
        raise FinalError(f"{path.name} is not JSON: {error}") from None


def pooling_of(folder: Path) -> Pooling:
    """From modules.json and the pooling module's own file."""
    mode, normalize = "", False
    for module in read_json(folder / "modules.json"):
        kind = str(module["type"]).rpartition(".")[2]
        if kind == "Pooling":
            mode = _pooling_mode(read_json(folder / module["path"] / "config.json"))
        elif kind == "Normalize":
            normalize = True
        elif kind != "Transformer":
            raise FinalError(f"a module {kind} after the transformer is not served")
    if mode not in POOLINGS:
        raise FinalError(f"pooling '{mode}' is not served: cls and mean are")
    return Pooling(POOLINGS[mode], normalize)


def _pooling_mode(settings: Mapping[str, Any]) -> str:
    """What is set to true; several at once make a longer vector."""
    prefix = "pooling_mode_"
    chosen = sorted(name.removeprefix(prefix) for name, value in settings.items() if name.startswith(prefix) and value)
    return "+".join(chosen) or str(settings.get("pooling_mode", ""))


def labels_of(config: Mapping[str, Any]) -> list[str]:
    named = config.get("id2label") or {}
    return [str(named[key]) for key in sorted(named, key=int)]
