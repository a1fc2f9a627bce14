"""What a model is for: its kind and its Hugging Face pipeline tag.

    1. what sentence-transformers wrote beside the config: an embedding model, or a reranker
    2. the class named in `architectures`, by its ending, told apart by model type where one ending means several things
    3. without a class, what the model can do: components make images, states make text, an image alone gets a label

Kind follows from how the model is run, since that decides which engines can serve it. What writes its answer token by
token and keeps a cache is a foundation model, also where it writes down speech (Whisper) or a translation; what answers
in one pass is task-specific; what answers with vectors to be compared is an embedding model. So CLIP and SigLIP, whose
two towers map into one space, are embedding models; their tag is what the hub files them under.

Sources: transformers 5.23.0, pipelines/__init__.py (which class serves which task) and models/auto/modeling_auto.py,
read 2026-11-24. It no longer has pipelines of text2text-generation, translation and summarization; published models
keep these tags.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from ai_on_eks.descriptors.image_generation import ImageRequest
from ai_on_eks.descriptors.inventory import Inventory, Item
from ai_on_eks.descriptors.schema import Kind

_TIMM_LABELS = "num_classes"


class SentenceModel(StrEnum):
    """What sentence-transformers wrote into the folder."""

    NONE = "none"
    EMBEDDER = "embedder"
    RERANKER = "reranker"


class Purpose(Struct, frozen=True):
    """What the model is used for. `why` names the evidence."""

    kind: Kind
    task: str
    why: str


TEXT = "text-generation"
VISION_TEXT = "image-text-to-text"
SOUND_TEXT, ANY_TO_ANY = "audio-text-to-text", "any-to-any"
SPEECH = "automatic-speech-recognition"
TRANSLATION = "translation"
SUMMARIZATION = "summarization"
TEXT_TO_TEXT = "text2text-generation"
VECTORS = "feature-extraction"
IMAGE_VECTORS = "image-feature-extraction"
SENTENCES = "sentence-similarity"
RANKING = "text-ranking"
LABELS = "image-classification"
TO_IMAGE, TO_VIDEO, IMAGE_TO_VIDEO = "text-to-image", "text-to-video", "image-to-video"

_SPEECH_ENCODERS = ("hubert", "wav2vec2", "wavlm")
_SPEECH_WRITERS = ("speech_to_text", "whisper")
_HEARING = ("qwen2_audio", "voxtral")
_OMNI = ("qwen2_5_omni", "qwen3_omni_moe")
_TRANSLATORS = ("m2m_100", "marian")
_SUMMARIZERS = ("pegasus",)
_WRITERS = ("bart", "blenderbot", "blenderbot-small", "mbart", "mt5", "plbart", "t5", "umt5")
_TWO_TOWERS = ("clip", "siglip", "siglip2")
_NAMED_DETECTORS = ("owlv2", "owlvit")
_DETECTORS = (
    "conditional_detr", "deformable_detr", "detr", "rt_detr", "rt_detr_v2", "table-transformer", "yolos"
)  # fmt: skip
_SEGMENTERS = ("sam",)

CLASSES: tuple[tuple[str, tuple[str, ...], Kind, str], ...] = (
    ("ForCausalLM", (), Kind.FOUNDATION, TEXT),
    ("LMHeadModel", ("gpt2", "gpt_bigcode", "qwen"), Kind.FOUNDATION, TEXT),
    ("Model", ("chatglm",), Kind.FOUNDATION, TEXT),
    ("ForConditionalGeneration", ("chatglm",), Kind.FOUNDATION, TEXT),
    ("ForConditionalGeneration", _HEARING, Kind.FOUNDATION, SOUND_TEXT),
    ("ForConditionalGeneration", _OMNI, Kind.FOUNDATION, ANY_TO_ANY),
    ("Model", _OMNI, Kind.FOUNDATION, ANY_TO_ANY),
    ("ForConditionalGeneration", _SPEECH_WRITERS, Kind.FOUNDATION, SPEECH),
    ("ForConditionalGeneration", _TRANSLATORS, Kind.FOUNDATION, TRANSLATION),
    ("ForConditionalGeneration", _SUMMARIZERS, Kind.FOUNDATION, SUMMARIZATION),
    ("ForConditionalGeneration", (), Kind.FOUNDATION, TEXT_TO_TEXT),
    ("WithLMHeadModel", (), Kind.FOUNDATION, TEXT_TO_TEXT),
    ("MarianMTModel", (), Kind.FOUNDATION, TRANSLATION),
    ("Model", _SPEECH_WRITERS, Kind.FOUNDATION, SPEECH),
    ("ForCTC", (), Kind.TASK_SPECIFIC, SPEECH),
    ("ForSequenceClassification", _SPEECH_ENCODERS, Kind.TASK_SPECIFIC, "audio-classification"),
    ("ForXVector", (), Kind.TASK_SPECIFIC, "audio-classification"),
    ("ForAudioFrameClassification", (), Kind.TASK_SPECIFIC, "audio-classification"),
    ("ForSequenceClassification", (), Kind.TASK_SPECIFIC, "text-classification"),
    ("ForTokenClassification", (), Kind.TASK_SPECIFIC, "token-classification"),
    ("ForQuestionAnswering", (), Kind.TASK_SPECIFIC, "question-answering"),
    ("ForMaskedLM", (), Kind.TASK_SPECIFIC, "fill-mask"),
    ("ForAudioClassification", (), Kind.TASK_SPECIFIC, "audio-classification"),
    ("ForVideoClassification", (), Kind.TASK_SPECIFIC, "video-classification"),
    ("ForDepthEstimation", (), Kind.TASK_SPECIFIC, "depth-estimation"),
    ("ForImageClassificationWithTeacher", (), Kind.TASK_SPECIFIC, LABELS),
    ("ForImageClassification", (), Kind.TASK_SPECIFIC, LABELS),
    ("ForObjectDetection", _NAMED_DETECTORS, Kind.TASK_SPECIFIC, "zero-shot-object-detection"),
    ("ForObjectDetection", (), Kind.TASK_SPECIFIC, "object-detection"),
    ("ForSemanticSegmentation", (), Kind.TASK_SPECIFIC, "image-segmentation"),
    ("ForImageSegmentation", (), Kind.TASK_SPECIFIC, "image-segmentation"),
    ("ForSegmentation", (), Kind.TASK_SPECIFIC, "image-segmentation"),
    ("ForMaskedImageModeling", (), Kind.EMBEDDING, IMAGE_VECTORS),
    ("ForImageFeatureExtraction", (), Kind.EMBEDDING, IMAGE_VECTORS),
    ("Model", _SEGMENTERS, Kind.TASK_SPECIFIC, "mask-generation"),
    ("Model", _TWO_TOWERS, Kind.EMBEDDING, "zero-shot-image-classification"),
    ("ModelWithProjection", (), Kind.EMBEDDING, VECTORS),
    ("Model", (), Kind.EMBEDDING, VECTORS),
)
"""End of the class named in `architectures`, the model types it is said of (none: all), kind and pipeline tag. The
first row that fits counts."""

_UNNAMED: Mapping[str, tuple[Kind, str]] = {
    **dict.fromkeys(_SPEECH_ENCODERS, (Kind.EMBEDDING, VECTORS)),
    **dict.fromkeys(_TWO_TOWERS, (Kind.EMBEDDING, "zero-shot-image-classification")),
    **dict.fromkeys(("clip_vision_model", "siglip_vision_model"), (Kind.EMBEDDING, IMAGE_VECTORS)),
    **dict.fromkeys(_NAMED_DETECTORS, (Kind.TASK_SPECIFIC, "zero-shot-object-detection")),
    **dict.fromkeys(_SEGMENTERS, (Kind.TASK_SPECIFIC, "mask-generation")),
    **dict.fromkeys(_DETECTORS, (Kind.TASK_SPECIFIC, "object-detection")),
    **dict.fromkeys(_SPEECH_WRITERS, (Kind.FOUNDATION, SPEECH)),
    **dict.fromkeys(_HEARING, (Kind.FOUNDATION, SOUND_TEXT)),
    **dict.fromkeys(_OMNI, (Kind.FOUNDATION, ANY_TO_ANY)),
    **dict.fromkeys(_TRANSLATORS, (Kind.FOUNDATION, TRANSLATION)),
    **dict.fromkeys(_SUMMARIZERS, (Kind.FOUNDATION, SUMMARIZATION)),
    **dict.fromkeys(_WRITERS, (Kind.FOUNDATION, TEXT_TO_TEXT)),
}
"""Model types whose config names no class, where what they can do does not tell."""

_TASK_PREFIXES = ((TRANSLATION, TRANSLATION), (SUMMARIZATION, SUMMARIZATION))


def purpose_of(
    config: Mapping[str, Any], inventory: Inventory, sentences: SentenceModel = SentenceModel.NONE
) -> Purpose:
    """Kind and task of the model that `config` belongs to, of which `inventory` is what it is made of."""
    named = first_class(config)
    if sentences is SentenceModel.EMBEDDER:
        return Purpose(Kind.EMBEDDING, SENTENCES, "sentence-transformers wrote how its vectors are made")
    if sentences is SentenceModel.RERANKER:
        return Purpose(Kind.TASK_SPECIFIC, RANKING, "sentence-transformers calls it a cross-encoder")
    model_type = str(config.get("model_type") or "")
    for ending, model_types, kind, task in CLASSES:
        if named.endswith(ending) and (not model_types or model_type in model_types):
            return Purpose(kind, _narrowed(task, config, inventory), f"its class is {named}")
    kind, task = _UNNAMED.get(model_type) or _able(config, inventory)
    return Purpose(kind, _narrowed(task, config, inventory), "its config names no class that tells")


def first_class(config: Mapping[str, Any]) -> str:
    """The class that the weights were saved from; empty where the config names none."""
    named = config.get("architectures")
    return named[0] if isinstance(named, list) and named and isinstance(named[0], str) else ""


def without_head(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The config of a language model that is used for its vectors: engines load it without the head."""
    named = first_class(config)
    if not named.endswith("ForCausalLM"):
        return config
    return {**config, "architectures": [f"{named.removesuffix('ForCausalLM')}Model"]}


def _narrowed(task: str, config: Mapping[str, Any], inventory: Inventory) -> str:
    """The same kind of answer, said more exactly by what the model takes in or was made for."""
    if task in (TEXT, TEXT_TO_TEXT) and any(one.name == "image" for one in inventory.encoders):
        return VISION_TEXT
    if task == TEXT_TO_TEXT:
        return _only_task(config) or task
    if task == "text-classification" and len(config.get("id2label") or ()) == 1:
        return RANKING  # a single score
    if task == VECTORS and inventory.item is Item.IMAGE:
        return IMAGE_VECTORS
    return task


def _only_task(config: Mapping[str, Any]) -> str | None:
    """`task_specific_params` lists what the publisher set the model up for; None where that is not one thing."""
    given = config.get("task_specific_params")
    names = list(given) if isinstance(given, Mapping) else []
    found = {task for name in names for prefix, task in _TASK_PREFIXES if str(name).startswith(prefix)}
    others = [name for name in names if not str(name).startswith(tuple(prefix for prefix, _ in _TASK_PREFIXES))]
    return found.pop() if len(found) == 1 and not others else None


def _made(config: Mapping[str, Any], image: ImageRequest) -> str:
    """What a pipeline makes, of which diffusers' name says whether it starts from an image."""
    if image.frame_scale == 1:
        return TO_IMAGE
    return IMAGE_TO_VIDEO if "ImageToVideo" in str(config.get("_class_name")) else TO_VIDEO


def _able(config: Mapping[str, Any], inventory: Inventory) -> tuple[Kind, str]:
    if inventory.image is not None:
        return Kind.FOUNDATION, _made(config, inventory.image)
    if inventory.item is Item.IMAGE:
        has_labels = config.get(_TIMM_LABELS) != 0
        return (Kind.TASK_SPECIFIC, LABELS) if has_labels else (Kind.EMBEDDING, IMAGE_VECTORS)
    return (Kind.FOUNDATION, TEXT) if inventory.states else (Kind.EMBEDDING, VECTORS)
