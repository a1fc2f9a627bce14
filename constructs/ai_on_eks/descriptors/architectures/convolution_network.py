"""A convolutional network, layer after layer: what it is made of and what an image costs.

    parameters of a convolution    out × in ÷ groups × kernel², its bias out, and its norm 2 × out
    operations of a convolution    2 × the same weights × (output side)²
    parameters of a linear layer   out × in + out, and 2 × out × in operations at each place of the map
    activations per image          the largest sum of maps alive at once: what is kept for a shortcut, a layer's own
                                   input and its output

A stride of two halves the side of a map, rounded up, where the edges are padded; without padding a layer fits only
whole windows. The two running statistics of a batch norm are stored but not parameters: 0.2 % of ResNet-50, left out,
as are the operations of norms and activation functions.
"""

from __future__ import annotations

from math import prod

from ai_on_eks.descriptors.inventory import Activations, Inventory, Item, Operations, Sharding, Tensor, TensorRole
from ai_on_eks.units import ceil_div

MAX_SIDE = 16_384
"""Pixels; a larger image is a mistake in the config."""


class Network:
    """Adds up what an image passes. `channels` and `side` are those of the map reached so far."""

    def __init__(self, channels: int, side: int) -> None:
        self.channels, self.side = channels, side
        self.tensors: list[Tensor] = []
        self.flops = 0
        self.live = 0
        self._kept = 0
        self._is_kept = False

    @property
    def elements(self) -> int:
        """Of the map reached so far."""
        return self.channels * self.side**2

    def keep(self) -> None:
        """Holds the map reached so far until `release`: a shortcut leads around what follows."""
        self._kept, self._is_kept = self.elements, True

    def release(self) -> None:
        """The shortcut has been added, or there was none."""
        self._kept, self._is_kept = 0, False

    def join(self, channels: int) -> None:
        """Puts the kept map, of so many channels, beside the map reached so far, as a new one."""
        self._move(channels + self.channels, self.side)
        self.release()

    def convolve(
        self,
        name: str,
        outputs: int,
        kernel: int = 1,
        *,
        stride: int = 1,
        groups: int = 1,
        bias: bool = False,
        norm: str = "",
        padded: bool = True,
    ) -> None:
        """A convolution of the map, and the norm named `norm` after it."""
        shape = (outputs, self.channels // groups, kernel, kernel)
        self._add(f"{name}.weight", shape, TensorRole.CONVOLUTION, quantizable=True)
        if bias:
            self._add(f"{name}.bias", (outputs,), TensorRole.CONVOLUTION)
        if norm:
            self.norm(norm, outputs)
        side = ceil_div(self.side, stride) if padded else max(1, (self.side - kernel) // stride + 1)
        self.flops += 2 * prod(shape) * side**2
        self._move(outputs, side)

    def shortcut(
        self, name: str, channels: int, side: int, *, norm: str, stride: int, kernel: int = 1, padded: bool = True
    ) -> None:
        """A convolution that brings the kept map, of so many channels and such a side, to the size of the map reached
        so far, which has to wait for it."""
        branch = Network(channels, side)
        branch.convolve(name, self.channels, kernel, stride=stride, norm=norm, padded=padded)
        self.tensors += branch.tensors
        self.flops += branch.flops
        self.live = max(self.live, branch.live + self.elements)

    def norm(self, name: str, width: int) -> None:
        """Scale and shift."""
        self._add(f"{name}.weight", (width,), TensorRole.NORM)
        self._add(f"{name}.bias", (width,), TensorRole.NORM)

    def vector(self, name: str, *shape: int) -> None:
        """A learned factor or summand, at no cost."""
        self._add(name, shape, TensorRole.NORM)

    def pool(self, stride: int, *, padded: bool = True) -> None:
        """The largest or the mean value of each window."""
        self._move(self.channels, ceil_div(self.side, stride) if padded else max(1, self.side // stride))

    def linear(self, name: str, outputs: int, *, role: TensorRole = TensorRole.FEED_FORWARD) -> None:
        """A linear layer, at each place of the map."""
        self._add(f"{name}.weight", (outputs, self.channels), role, quantizable=True)
        self._add(f"{name}.bias", (outputs,), role)
        self.flops += 2 * outputs * self.channels * self.side**2
        self._move(outputs, self.side)

    def squeeze(self, reduce: str, expand: str, width: int) -> None:
        """Squeeze and excitation: the map's means pass two 1 × 1 convolutions and scale its channels."""
        channels, side = self.channels, self.side
        kept, was_kept = self._kept, self._is_kept
        self._kept, self._is_kept = kept + (0 if was_kept else self.elements), False
        self.side = 1
        self.convolve(reduce, width, bias=True)
        self.convolve(expand, channels, bias=True)
        self._kept = kept
        self.channels, self.side = channels, side
        self.live = max(self.live, kept + 2 * self.elements)

    def classify(self, name: str, labels: int) -> None:
        """The mean of each channel, and a linear layer; no labels: only the mean."""
        self.side = 1
        if labels:
            self.linear(name, labels, role=TensorRole.HEAD)

    def inventory(self, architecture: str, *, layers: int, features: int, estimated: tuple[str, ...] = ()) -> Inventory:
        """The whole network; `features` is the width of what the classifier gets."""
        return Inventory(
            architecture=architecture,
            item=Item.IMAGE,
            tensors=tuple(self.tensors),
            states=(),
            operations=Operations(per_item=self.flops),
            activations=Activations(per_item=self.live),
            layers=layers,
            hidden_size=features,
            estimated=estimated,
        )

    def _add(self, name: str, shape: tuple[int, ...], role: TensorRole, *, quantizable: bool = False) -> None:
        self.tensors.append(Tensor(name, shape, role, Sharding.REPLICATED, quantizable=quantizable))

    def _move(self, channels: int, side: int) -> None:
        """To the map that a layer makes of this one. Where the kept map is itself the input, it is there once."""
        held = 0 if self._is_kept else self._kept
        before = self.elements
        self.channels, self.side, self._is_kept = channels, side, False
        self.live = max(self.live, held + before + self.elements)


def make_divisible(width: float, divisor: int = 8, least: int | None = None) -> int:
    """The multiple of `divisor` nearest to a scaled width, at most a tenth below it (arXiv:1704.04861 and after)."""
    rounded = max(least or divisor, int(width + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * width else rounded
