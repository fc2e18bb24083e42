"""What was found of one pass: the points at which most bytes may be alive, and the stretches that were played."""

from __future__ import annotations

from ftlint.memory.autograd import Profile
from ftlint.record import record


@record
class Point:
    """One point of a pass at which most bytes may be alive. `gradient_bytes`: of weights, finished by then."""

    name: str
    kept_bytes: int
    hump_bytes: int
    gradient_bytes: int

    @property
    def total_bytes(self) -> int:
        """With the gradients."""
        return self.kept_bytes + self.hump_bytes + self.gradient_bytes

    @property
    def activation_bytes(self) -> int:
        """Without them."""
        return self.kept_bytes + self.hump_bytes


@record
class Played:
    """The stretches of a pass as they were played: layers in the order of forward, then the end with the loss.

    Layers before the first trained one have no backward, leave nothing, and are not among them. `recomputed`: for each
    layer, whether backward computes it again. `stream_bytes`: of the hidden states between two layers.
    """

    layers: tuple[Profile, ...]
    recomputed: tuple[bool, ...]
    head: Profile
    stream_bytes: int


@record
class Descent:
    """Backward through the layers, the last one first: what a `Point` says of each. Hardly anyone asks for all points.

    `kept_bytes`, `hump_bytes`, `gradient_bytes`: one number for each layer.
    """

    kept_bytes: tuple[int, ...]
    hump_bytes: tuple[int, ...]
    gradient_bytes: tuple[int, ...]

    def point(self, index: int) -> Point:
        """That of one layer, counted from the last one; -1: of the first one."""
        index %= len(self.hump_bytes)
        name = f"layer {len(self.hump_bytes) - 1 - index}"
        return Point(name, self.kept_bytes[index], self.hump_bytes[index], self.gradient_bytes[index])


@record
class Activations:
    """One pass. `kept_bytes`: what forward leaves for backward; `points`: in the order of time."""

    kept_bytes: int
    forward: Point
    loss: Point
    descent: Descent
    stem: Point
    played: Played

    @property
    def layers(self) -> tuple[Point, ...]:
        """A point for each layer, the last one first."""
        return tuple(map(self.descent.point, range(len(self.played.layers))))

    @property
    def layer_peak_bytes(self) -> int:
        """Most bytes while layers go backward, without gradients of weights."""
        return max((point.activation_bytes for point in self.layers), default=0)

    @property
    def points(self) -> tuple[Point, ...]:
        """All of them."""
        return (self.forward, self.loss, *self.layers, self.stem)
