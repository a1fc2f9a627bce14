"""What the traced server uses of other libraries: a section for each, which tests lay down under its name."""

TORCH_NEURONX = """
import json, os, pathlib, time
import torch


def trace(network, example_inputs, *, compiler_workdir, compiler_args):
    if os.environ.get("STAND_IN_NO_COMPILER"):
        raise RuntimeError("there is no compiler")
    time.sleep(float(os.environ.get("STAND_IN_TRACE_SECONDS", "0")))
    shapes = [list(one.shape) for one in example_inputs]
    note = {"shapes": shapes, "compiler": compiler_args, "cores": os.environ["NEURON_RT_NUM_CORES"]}
    with (pathlib.Path(compiler_workdir) / "traced").open("a") as log:
        log.write(json.dumps(note) + "\\n")
    return torch.Traced(network, shapes)
"""

TRANSFORMERS = """
import json, pathlib
import numpy as np
import torch
from safetensors.numpy import load_file


class _Model(torch.Module):
    def __init__(self, folder):
        self.folder = str(folder)
        self.weights = load_file(pathlib.Path(folder) / "model.safetensors")

    @classmethod
    def from_pretrained(cls, folder, *, local_files_only, use_safetensors, attn_implementation, dtype):
        assert local_files_only and use_safetensors and attn_implementation == "eager"
        return cls(folder)


class AutoModel(_Model):
    def forward(self, input_ids, attention_mask):
        return (torch.Tensor(self.weights["embedding"][input_ids.values]),)


class AutoModelForSequenceClassification(_Model):
    def forward(self, input_ids, attention_mask):
        hidden = self.weights["embedding"][input_ids.values] * attention_mask.values[..., None]
        return (torch.Tensor(hidden.sum(1) @ self.weights["head"]),)


class AutoModelForImageClassification(_Model):
    def forward(self, pixel_values):
        return (torch.Tensor(pixel_values.values.mean((2, 3)) @ self.weights["head"]),)


class AutoImageProcessor:
    def __init__(self, side):
        self.side = side

    @classmethod
    def from_pretrained(cls, folder, *, local_files_only, use_fast):
        assert local_files_only and not use_fast
        return cls(json.loads((pathlib.Path(folder) / "preprocessor_config.json").read_text())["side"])

    def __call__(self, image, *, return_tensors):
        pixels = np.asarray(image.resize((self.side, self.side)), "f4") / 255
        return {"pixel_values": pixels.transpose(2, 0, 1)[None]}
"""

TOKENIZERS = '''
import json, pathlib


class Tokenizer:
    """Words by their place in a list; cuts and fills up until it is told not to, as many published files do."""

    def __init__(self, words):
        self._words, self._cut = words, 2
        self.padding = {"pad_id": 0}

    @classmethod
    def from_file(cls, path):
        return cls(json.loads(pathlib.Path(path).read_text()))

    def no_truncation(self):
        self._cut = None

    def no_padding(self):
        self.padding = None

    def encode(self, text):
        text.encode()
        found = type("Encoding", (), {})()
        found.ids = [self._words.index(word) for word in text.split()][: self._cut]
        return found
'''

LIBRARIES = {"torch_neuronx": TORCH_NEURONX, "transformers": TRANSFORMERS, "tokenizers": TOKENIZERS}
