"""Files that hold a model in a form which is not read, and what to name instead."""

from __future__ import annotations

from msgspec import Struct

_CHECKPOINT = "describe the checkpoint that it was made from"


class Unread(Struct, frozen=True):
    """`what` completes the sentence "the file is …"."""

    what: str
    fix: str


_UNREAD = {
    (".pt2",): Unread("a program of torch.export or AOTInductor", _CHECKPOINT),
    (".engine", ".plan"): Unread("a TensorRT engine, built for one type of GPU", _CHECKPOINT),
    (".neff",): Unread("compiled for Neuron cores with one batch and length", _CHECKPOINT),
    (".tflite", ".mlmodel"): Unread("made for phones", _CHECKPOINT),
    (".h5", ".keras"): Unread("a Keras file", "export it as a SavedModel (model.export) and describe that folder"),
    (".msgpack",): Unread("of Flax", "convert its weights to safetensors"),
    (".npz", ".npy"): Unread("of NumPy", "convert its arrays to safetensors"),
    (".pkl", ".pickle", ".joblib"): Unread(
        "a pickle, a program that can run anything", "convert its weights to safetensors on a machine that may run it"
    ),
}


def unread(name: str) -> Unread | None:
    """What a file of this name is; None where the name does not tell."""
    lower = name.lower()
    return next((found for endings, found in _UNREAD.items() if lower.endswith(endings)), None)
