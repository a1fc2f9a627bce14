"""How a diffusion pipeline works on an image or a video: its networks, one after the other, and what was asked of them.

With f the latent frames, 1 for an image, else (frames − 1) ÷ frame scale + 1; n the latent positions of all frames
(f × width × height ÷ scale²) and r those of the network's reference size:

    operations of a pass = fixed_flops + flops × n ÷ r + attention_flops × (n ÷ r)² × frames at once ÷ f
    values alive at once = fixed_elements + elements × n ÷ r × frames at once ÷ f
    values beside them   = kept_elements × n ÷ r + pair_elements × (n ÷ r × frames at once ÷ f)²
    operations per image = Σ networks  passes × operations of a pass

Feature maps and tokens grow with the area and the frames, attention among them with the square, work on the prompt not
at all. Decoders of videos that work on a few frames after another keep what is decoded until the last one.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from ai_on_eks.units import ceil_div


class Phase(StrEnum):
    """The order in which the networks of a pipeline run; one phase's activations are gone when the next begins."""

    ENCODE = "encode the prompt"
    DENOISE = "denoise"
    DECODE = "decode the image"


class Offload(StrEnum):
    """Which networks stay on the accelerator."""

    NONE = "none"
    MODEL = "model"


class Work(Struct, frozen=True):
    """One pass of a network over one image or video; see the formulae above.

    positions         latent positions, of all frames, at which `flops` and the like were counted
    kept_elements     values that stay until the whole video is done, such as its decoded frames
    pair_elements     values for each pair of positions, such as a mask of attention
    frames_at_once    latent frames that are worked on together, and attend to each other, one such part after the
                      other; None = all. `attention_flops` and `pair_elements` are counted as if it were all
    buffer_elements   stored values that are no parameters, such as tables of positions
    is_convolutional  its feature maps are convolved: the library that convolves takes workspace beside them
    """

    positions: int
    flops: int = 0
    attention_flops: int = 0
    fixed_flops: int = 0
    elements: int = 0
    fixed_elements: int = 0
    buffer_elements: int = 0
    is_convolutional: bool = False
    kept_elements: int = 0
    pair_elements: int = 0
    frames_at_once: int | None = None

    def flops_at(self, positions: int, frames: int = 1) -> int:
        """Operations of a pass over so many latent positions, which are those of so many latent frames."""
        linear = self.flops * positions // self.positions
        attended = positions**2 * self._at_once(frames)
        return self.fixed_flops + linear + self.attention_flops * attended // (self.positions**2 * frames)

    def elements_at(self, positions: int, frames: int = 1) -> int:
        """Values alive at once in a pass over so many latent positions, which are those of so many latent frames."""
        growing = ceil_div(self.elements * positions * self._at_once(frames), self.positions * frames)
        return self.fixed_elements + growing

    def kept_at(self, positions: int) -> int:
        """Values beside these that stay until the pass is over."""
        return ceil_div(self.kept_elements * positions, self.positions)

    def pairs_at(self, positions: int, frames: int = 1) -> int:
        """Values beside these of every pair of positions at once."""
        worked_on, reference = positions * self._at_once(frames), self.positions * frames
        return ceil_div(self.pair_elements * worked_on**2, reference**2)

    def _at_once(self, frames: int) -> int:
        return frames if self.frames_at_once is None else min(frames, self.frames_at_once)


class Component(Struct, frozen=True):
    """One network of a pipeline. Its tensors are those whose names begin with `name.`; a lone network's is empty.

    tile_pixels     side of the tiles into which a decoder can divide an image
    upcasts         a decoder that computes in float32 where the weights are fp16
    float32_suffix  end of the names of tensors that are kept in float32 where the weights are fp16
    """

    name: str
    phase: Phase
    work: Work
    tile_pixels: int = 0
    upcasts: bool = False
    float32_suffix: str = ""

    @property
    def prefix(self) -> str:
        return f"{self.name}." if self.name else ""


class ImageRequest(Struct, frozen=True):
    """What is asked of a pipeline, with every default filled in.

    scale     pixels of the image for one latent position, along a side
    multiple  width and height must be multiples of it
    guided    every step has a second pass, without the prompt (classifier-free guidance)
    guided_apart   that pass follows the first instead of sharing its batch
    frames         of a video; 1 for an image
    frame_scale    frames for one latent frame after the first, which has a latent frame of its own
    """

    width: int
    height: int
    steps: int
    guided: bool
    scale: int
    multiple: int
    batch: int = 1
    offload: Offload = Offload.NONE
    tiled: bool = False
    sliced: bool = False
    guided_apart: bool = False
    frames: int = 1
    frame_scale: int = 1

    @property
    def latent_frames(self) -> int:
        """Of one image, 1."""
        return (self.frames - 1) // self.frame_scale + 1

    @property
    def positions(self) -> int:
        """Latent positions of one image or of all frames of a video."""
        return ceil_div(self.width, self.scale) * ceil_div(self.height, self.scale) * self.latent_frames

    @property
    def passes_per_step(self) -> int:
        return 2 if self.guided else 1

    def passes(self, phase: Phase) -> int:
        """Passes for one image."""
        if phase is Phase.DENOISE:
            return self.steps * self.passes_per_step
        return self.passes_per_step if phase is Phase.ENCODE else 1

    def images_at_once(self, phase: Phase) -> int:
        """Images (or prompts) of one pass of `batch` images."""
        if phase is Phase.DECODE:
            return 1 if self.sliced else self.batch
        if phase is Phase.ENCODE:
            return self.batch
        return self.batch if self.guided_apart else self.batch * self.passes_per_step
