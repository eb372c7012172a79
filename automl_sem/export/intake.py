"""How raw examples of each kind enter an exported model.

Each kind says it twice: in a graph of stock Keras layers and operations, which loads without this
package, and with arrays as in training, which the graph is compared with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from automl_sem.data.dataset import Dataset, TrainingPart
from automl_sem.data.missing import without_padding
from automl_sem.data.pixels import resize, resizing_layer
from automl_sem.data.sampling import Wanted
from automl_sem.scoring.inputs import PIXELS, inputs_of, wants_raw_values
from automl_sem.types import Bytes, Floats

LARGER = 4  # examples that are tried at another size, which takes memory


class Intake(Protocol):
    """How raw examples of one kind enter an exported model.

    Attributes:
        record: What `export.json` says of what goes in.
    """

    record: dict[str, Any]

    def input(self) -> Any:
        """Return a symbolic input of raw examples."""

    def enter(self, raw: Any) -> Any:
        """Return what the network takes, float32 (batch, ...), symbolic like `raw`."""

    def ready(self, raw: NDArray[Any]) -> Any:
        """Return what the network takes, float32 (batch, ...), of raw examples, (batch, ...)."""

    def batches(self, examples: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Return batches that an export must predict as the network does, by name.

        Args:
            examples: Examples of the training part, (n, ...).
        """

    def doubt(self, predicted: Mapping[str, Floats], tolerance: float) -> str:
        """Return why the network cannot be exported; empty if it can.

        Args:
            predicted: What the network itself predicts of `batches`.
            tolerance: Largest difference of what should be equal.
        """


def intake_of(core: Any, dataset: Dataset) -> Intake:
    """Return how examples enter an export of a network.

    Args:
        core: The network as trained.
        dataset: What it was trained on.
    """
    shape, pad = dataset.info.input_shape, dataset.pad
    if dataset.train.kind == "series":
        names, means = _channels(dataset)
        return SeriesIntake(core, dataset.train, names, means)
    if dataset.train.kind == "clips":
        return ClipIntake(core, pad, shape, dataset.options.get("rate"))
    return ImageIntake(core, pad, shape)


class ImageIntake:
    """Images: uint8, of any size, resized to one.

    Args:
        core: The network as trained.
        pad: Value 0..255 that fills up images of another shape; None stretches them.
        trained: Shape of what it was trained on, (height, width, channels), for sizes that the
            network leaves free.
    """

    def __init__(
        self, core: Any, pad: int | None = None, trained: Sequence[int] | None = None
    ) -> None:
        height, width, self._channels = _shape(core, trained)
        self._size, self._pad = (height, width), pad
        self._scale = 1.0 if wants_raw_values(core) else 1.0 / PIXELS
        self.record: dict[str, Any] = {
            "channels": self._channels,
            "trained_size": [height, width],
            "pad": pad,
            "input": "uint8 (batch, height, width, channels), any height and width",
        }

    def input(self) -> Any:
        """Return an input of images, (batch, height, width, channels)."""
        import keras

        return keras.Input((None, None, self._channels), dtype="uint8", name="images")

    def enter(self, raw: Any) -> Any:
        """Return images of the trained size, scaled."""
        import keras

        # A network that scales by itself gets 0..255, but as floats.
        return keras.layers.Rescaling(self._scale)(resizing_layer(self._size, self._pad)(raw))

    def ready(self, raw: NDArray[Any]) -> Any:
        """Return images of the trained size, scaled."""
        return resize(raw, self._size, self._pad).astype(np.float32) * np.float32(self._scale)

    def batches(self, examples: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Return images as trained, in another size, and one alone."""
        other = examples.repeat(2, axis=1).repeat(3, axis=2)
        return {"as_trained": examples, "other_size": other, "one": other[:1]}

    def doubt(self, predicted: Mapping[str, Floats], tolerance: float) -> str:  # noqa: ARG002
        """Return no doubt."""
        return ""


class ClipIntake:
    """Clips: uint8, any number of frames of any size; some are taken evenly, and resized.

    Args:
        core: The network as trained.
        pad: Value 0..255 that fills up frames of another shape; None stretches them.
        trained: Shape of what it was trained on, (frames, height, width, channels).
        rate: Frames that were taken in a second; None if they were taken evenly.
    """

    def __init__(
        self, core: Any, pad: int | None, trained: Sequence[int], rate: float | None = None
    ) -> None:
        self._frames, height, width, self._channels = _shape(core, trained)
        self._size, self._pad = (height, width), pad
        self._scale = 1.0 if wants_raw_values(core) else 1.0 / PIXELS
        self.record: dict[str, Any] = {
            "channels": self._channels,
            "trained_frames": self._frames,
            "trained_size": [height, width],
            "rate": rate,
            "pad": pad,
            "input": "uint8 (batch, frames, height, width, channels), any frames, height and width",
        }

    def input(self) -> Any:
        """Return an input of clips, (batch, frames, height, width, channels)."""
        import keras

        return keras.Input((None, None, None, self._channels), dtype="uint8", name="clips")

    def enter(self, raw: Any) -> Any:
        """Return clips of the trained number of frames and size, scaled."""
        import keras
        from keras import ops

        # A symbolic shape does not say how many frames there will be.
        there = ops.sum(ops.ones_like(raw[0, :, 0, 0, 0], dtype="float64"))
        # As in `Wanted.evenly`, down to the rounding: what lies halfway must not differ.
        step = (there - 1.0) / max(1, self._frames - 1)
        at = ops.cast(ops.round(step * np.arange(self._frames, dtype=np.float64)), "int32")
        taken = ops.take(raw, at, axis=1)
        # Frames stand beside each other as channels: the layer takes one image of each example.
        flat = ops.concatenate(ops.unstack(taken, self._frames, axis=1), axis=-1)
        flat = resizing_layer(self._size, self._pad)(flat)
        resized = ops.reshape(flat, (-1, *self._size, self._frames, self._channels))
        return keras.layers.Rescaling(self._scale)(ops.transpose(resized, (0, 3, 1, 2, 4)))

    def ready(self, raw: NDArray[Any]) -> Any:
        """Return clips of the trained number of frames and size, scaled."""
        taken: Bytes = raw[:, Wanted.evenly(self._frames, raw.shape[1]).numbers]
        flat = resize(taken.reshape(-1, *raw.shape[2:]), self._size, self._pad)
        shape = (len(raw), self._frames, *self._size, self._channels)
        return flat.reshape(shape).astype(np.float32) * np.float32(self._scale)

    def batches(self, examples: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Return clips as trained, some in another size and with more frames, and one alone."""
        larger = examples[:LARGER].repeat(2, axis=2).repeat(3, axis=3)
        longer = larger.repeat(2, axis=1)[:, 1:]
        return {"as_trained": examples, "other_size": longer, "one": larger[:1]}

    def doubt(self, predicted: Mapping[str, Floats], tolerance: float) -> str:  # noqa: ARG002
        """Return no doubt."""
        return ""


class SeriesIntake:
    """Series: float32, of any length, NaN behind the end of shorter ones; standardised.

    What is missing before the end, which a loader would have filled in, counts as the mean of its
    channel.

    Args:
        core: The network as trained.
        part: What it was trained on.
        names: Names of the channels; None if they have none.
        means: Mean of each channel, (channels,).
    """

    def __init__(
        self,
        core: Any,
        part: TrainingPart,
        names: Sequence[str] | None,
        means: NDArray[np.float64],
    ) -> None:
        self._inputs = inputs_of(part, core)
        self._fitted = self._inputs.fit(np.arange(len(part.x)))
        self._means = means.astype(np.float32)
        self._padded = bool(np.isnan(part.x[:, -1, 0]).any())
        self._length: int | None = core.input_shape[1]
        length, self._channels = part.x.shape[1:]
        self.record: dict[str, Any] = {
            "channels": self._channels,
            "channel_names": None if names is None else list(names),
            "means": means.tolist(),
            "trained_length": length,
            "fixed_length": self._length,
            "input": "float32 (batch, time, channels), any time; NaN in all channels behind the "
            "end of a shorter series",
        }

    def input(self) -> Any:
        """Return an input of series, (batch, time, channels)."""
        import keras

        return keras.Input((None, self._channels), dtype="float32", name="series")

    def enter(self, raw: Any) -> Any:
        """Return series as the network takes them, of its length if it has one."""
        import keras
        from keras import ops

        missing = ops.isnan(raw)
        there = ops.cast(ops.logical_not(ops.all(missing, axis=-1, keepdims=True)), "int32")
        to_come = ops.flip(ops.cumsum(ops.flip(there, axis=1), axis=1), axis=1)
        whole = ops.where(ops.logical_and(missing, to_come > 0), self._means, raw)
        ready = self._inputs.ready(self._inputs.values(whole, self._fitted), self._fitted)
        if self._length is None:
            return ready
        longer = keras.layers.ZeroPadding1D((0, self._length))(ready)
        return ops.reshape(longer[:, : self._length], (-1, self._length, self._channels))

    def ready(self, raw: NDArray[Any]) -> Any:
        """Return series, in which nothing is missing, as in training."""
        if self._length is not None:
            behind = max(0, self._length - raw.shape[1])
            raw = _padded(raw[:, : self._length], behind)
        return self._inputs.ready(self._inputs.values(raw, self._fitted), self._fitted)

    def batches(self, examples: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Return series as trained, longer ones, and one alone without padding."""
        more = examples.shape[1] // 2 + 1
        longer = _padded(examples, more) if self._padded else examples.repeat(2, axis=1)
        alone = without_padding(examples[0])[None]
        return {"as_trained": examples, "longer": longer, "one": alone}

    def doubt(self, predicted: Mapping[str, Floats], tolerance: float) -> str:
        """Return by how much predictions depend on padding, if series are padded."""
        if not self._padded:
            return ""
        pairs = ((predicted["as_trained"], "longer"), (predicted["as_trained"][:1], "one"))
        difference = max(float(np.abs(as_is - predicted[name]).max()) for as_is, name in pairs)
        if difference <= tolerance:
            return ""
        return (
            f"its predictions depend on how much padding follows a series, by up to "
            f"{difference:.3g}: keras.layers.Masking() at its beginning, and layers that heed it, "
            "leave padding out"
        )


def _padded(series: NDArray[Any], steps: int) -> NDArray[Any]:
    return np.pad(series, ((0, 0), (0, steps), (0, 0)), constant_values=np.nan)


def _shape(core: Any, trained: Sequence[int] | None) -> tuple[int, ...]:
    """Return the shape that a network takes, or was trained on where it leaves it free."""
    own = core.input_shape[1:]
    return tuple(
        int(side if side is not None else was)
        for side, was in zip(own, trained or own, strict=True)
    )


def _channels(dataset: Dataset) -> tuple[list[str] | None, NDArray[np.float64]]:
    """Return names of the channels of series, if they have any, and their means."""
    seen = None if dataset.inspection is None else dataset.inspection.series
    if seen is None:
        part = dataset.train
        fitted = inputs_of(part).fit(np.arange(len(part.x)))
        return None, fitted[0].astype(np.float64)
    names = [channel.name for channel in seen.channels]
    numbered = [f"channel {i + 1}" for i in range(len(names))]
    means = np.array([channel.mean for channel in seen.channels])
    return None if names == numbered else names, means
