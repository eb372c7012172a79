"""Pretrained backbones for a space: the layers of a trained model up to its head.

    from automl_sem import pretrained

    backbone = pretrained.backbone(data.weights or "MobileNetV3Small", data.input_shape)
    pretrained.unfreeze(backbone, 2)
    features = backbone(inputs)

A backbone is a Keras model named "backbone". It takes images as all layers of a space do,
floats in [0, 1], and does by itself what the trained model wants done with them.
"""

from __future__ import annotations

import contextlib
import functools
import math
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automl_sem.errors import UserError, one_line
from automl_sem.recipe import BACKBONE
from automl_sem.seeds import seeded
from automl_sem.weights import FLAG, load_model, weights_file

DEPTH = 8  # steps of unfreezing at most, each a part of the layers

# Of Keras Applications, the small ones that take 0..255: name -> file of their ImageNet weights.
IMAGENET = {
    "MobileNetV3Small": "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5",
    "EfficientNetB0": "efficientnetb0_notop.h5",
}
SMALLEST = 32  # pixels a side that they take


def backbone(
    source: str | Path,
    input_shape: Sequence[int],
    *,
    side: int | None = None,
    fresh: bool = False,
) -> Any:
    """Return the layers of a trained model up to its head, frozen.

    Grey images become RGB for a model of RGB images, and the other way round.

    Args:
        source: `data.weights` or another path that `--weights` takes, or a name of `IMAGENET`.
        input_shape: Shape of an image, (height, width, channels).
        side: Pixels to enlarge or shrink the shorter side to first; the images' own by
            default, but at least 32 for a name of `IMAGENET`.
        fresh: Whether to leave the learned values out: the same layers at the start of
            their training, none of them frozen.

    Returns:
        A Keras model named "backbone", from (height, width, channels) in [0, 1] to
        features: (rows, columns, channels), or (units,) where the model has no convolutions.

    Raises:
        UserError: If the model cannot be loaded, has no layers to build on, or does
            not take such images.
    """
    import keras

    name = str(source)
    height, width, channels = input_shape
    if name in IMAGENET:
        _note(name)
        side = max(side or min(height, width), SMALLEST)
    if side is not None:
        factor = side / min(height, width)
        height, width = round(height * factor), round(width * factor)
    if name in IMAGENET:
        base = _imagenet(name, (height, width, 3), fresh)
    else:
        file = weights_file(Path(name))
        base = _from_file(file, file.stat().st_mtime_ns)
    wanted = base.layers.input_shape[-1]
    if channels != wanted and {channels, wanted} != {1, 3}:
        raise _misfit(name, base, input_shape)
    images = keras.Input(tuple(input_shape))
    # Not Rescaling: a space that began with it would get values from 0 to 255.
    x = keras.layers.Identity()(images)
    if wanted > channels:
        x = keras.layers.Concatenate()([x, x, x])
    elif wanted < channels:
        x = keras.ops.image.rgb_to_grayscale(x)
    if (height, width) != tuple(input_shape[:2]):
        x = keras.layers.Resizing(height, width, antialias=True)(x)
    if base.raw:
        x = keras.layers.Rescaling(255.0)(x)
    try:
        for layer in base.preparation:
            x = _twin(layer, x)
        layers = _clone(base.layers, x.shape[1:], learned=not fresh)
    except Exception as error:
        raise _unbuildable(name, base, input_shape, tuple(x.shape[1:]), error) from error
    model = keras.Model(images, layers(x), name=BACKBONE)
    model.trainable = fresh
    return model


def depth(model: Any) -> int:
    """Return the steps in which a backbone can be unfrozen: its layers with weights, at most 8."""
    return min(DEPTH, len(_tunable(model)))


def unfreeze(model: Any, steps: int) -> None:
    """Let the last layers of a backbone learn, and freeze the others.

    BatchNormalization stays frozen, which in Keras means that it goes on with the
    statistics it has learned (https://keras.io/guides/transfer_learning/).

    Args:
        model: The backbone.
        steps: How much of it, from 0 to `depth(model)`, which is all.
    """
    tunable = _tunable(model)
    free = math.ceil(len(tunable) * steps / max(1, depth(model)))
    model.trainable = True
    chosen = {id(layer) for layer in tunable[len(tunable) - free :]}
    for layer in _leaves(model):  # each, since Keras ignores True for a model that is True already
        layer.trainable = id(layer) in chosen


def fetch(names: Sequence[str]) -> list[str]:
    """Return the names of `IMAGENET`, once the weights of all are on this machine.

    Raises:
        UserError: If some are not there and cannot be downloaded.
    """
    for name in names:
        _note(name)
        if not imagenet_file(name).exists():
            _imagenet(name, (SMALLEST, SMALLEST, 3), fresh=False)
    return list(names)


def imagenet_file(name: str) -> Path:
    """Return where Keras keeps the weights of a name of `IMAGENET`, if it has them."""
    return _cache() / IMAGENET[name]


@contextlib.contextmanager
def asked_networks() -> Iterator[set[str]]:
    """Yield a set that collects the names of `IMAGENET` that are asked for in the block."""
    names: set[str] = set()
    token = _asked.set(names)
    try:
        yield names
    finally:
        _asked.reset(token)


_asked: ContextVar[set[str] | None] = ContextVar("asked", default=None)


def _note(name: str) -> None:
    if (names := _asked.get()) is not None:
        names.add(name)


@dataclass(frozen=True)
class _Base:
    """What is built on.

    Args:
        layers: A functional model without its head.
        raw: Whether it takes values from 0 to 255.
        preparation: Layers that the model had before these.
    """

    layers: Any
    raw: bool
    preparation: tuple[Any, ...] = ()


@functools.lru_cache(maxsize=4)
def _imagenet(name: str, shape: tuple[int, int, int], fresh: bool) -> _Base:
    import keras

    weights = None if fresh else "imagenet"
    try:
        with (
            warnings.catch_warnings(action="ignore"),  # of weights for another size
            contextlib.redirect_stdout(sys.stderr),  # on which Keras tells of downloads
            seeded(0, tensorflow=False),
        ):
            make = getattr(keras.applications, name)
            return _Base(make(include_top=False, weights=weights, input_shape=shape), raw=True)
    except Exception as error:
        raise _unloadable(name, error) from error


def _unloadable(name: str, error: Exception) -> UserError:
    """Return the error for a network of Keras Applications that could not be made."""
    words = [word.rstrip(":") for word in str(error).split()]
    origin = next((word for word in words if word.startswith("https://")), None)
    reason = str(error).rpartition(" -- ")[2] or one_line(error)
    cached = imagenet_file(name)
    if origin is None and cached.exists():
        return UserError(
            f"the ImageNet weights in {cached} cannot be loaded: {one_line(error).rstrip('.')}",
            where=name,
            hint=f"Remove the file if it is damaged, or pass {FLAG} with a model of your own",
        )
    return UserError(
        f"the ImageNet weights of {name} are not here and cannot be downloaded: {reason}",
        hint=f"Save {origin or IMAGENET[name]} in {_cache()}, or pass {FLAG} with a model of "
        "your own",
    )


def _cache() -> Path:
    """Return the folder where Keras keeps the weights it has downloaded."""
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    return Path(home) / "models"


@functools.lru_cache(maxsize=4)
def _from_file(path: Path, changed: int) -> _Base:  # noqa: ARG001
    """Return what a file's model is before its head; read once as long as it does not change."""
    return _without_head(load_model(path), path)


def _without_head(model: Any, path: Path) -> _Base:
    import keras

    preparation: list[Any] = []
    raw = False
    while (inner := _prepared(model)) is not None:
        preparation += [x for x in model.layers if _scales(x)]
        raw, model = True, inner
    if len(getattr(model, "inputs", None) or []) != 1 or len(model.outputs) != 1:
        raise UserError(
            "it is no functional or Sequential model with one input and one output",
            where=f"{FLAG} {path}",
        )
    if len(model.input_shape) != 4:
        raise UserError(
            f"it takes no images: its input has shape {model.input_shape[1:]}",
            where=f"{FLAG} {path}",
        )
    if preparation and not _scales_to_one(preparation):
        kept = tuple(preparation)
    else:  # between 0..255 and [0, 1] and back
        kept, raw = (), _takes_raw(model)
    layers = keras.Model(model.inputs[0], _features(model, path))
    if not _tunable(layers):
        raise UserError(
            "none of its layers before the head has weights to build on", where=f"{FLAG} {path}"
        )
    return _Base(layers, raw, kept)


def _prepared(model: Any) -> Any | None:
    """Return the network that a model only prepares images for, as our exports do, or None."""
    import keras

    steps = [x for x in model.layers if not isinstance(x, keras.layers.InputLayer)]
    inner = [x for x in steps if isinstance(x, keras.Model)]
    others = [x for x in steps if not isinstance(x, keras.Model)]
    if len(inner) != 1 or not all(_resizes(x) or _scales(x) for x in others):
        return None
    return inner[0]


def _takes_raw(model: Any) -> bool:
    """Whether a model takes values from 0 to 255: it scales them before anything else."""
    import keras

    for layer in model.layers:
        if isinstance(layer, keras.Model):
            return _takes_raw(layer)
        if not isinstance(layer, keras.layers.InputLayer) and not _resizes(layer):
            return _scales(layer)
    return False


def _scales(layer: Any) -> bool:
    import keras

    return isinstance(layer, keras.layers.Rescaling | keras.layers.Normalization)


def _resizes(layer: Any) -> bool:
    import keras

    return isinstance(layer, keras.layers.Resizing | keras.layers.CenterCrop)


def _scales_to_one(layers: Sequence[Any]) -> bool:
    """Whether layers do no more than to bring 0..255 to [0, 1], or nothing at all."""
    import keras

    if not all(isinstance(x, keras.layers.Rescaling) for x in layers):
        return False
    scales = [x.scale for x in layers]
    whole = all(isinstance(s, float | int) for s in scales) and not any(x.offset for x in layers)
    return whole and math.isclose(math.prod(scales), 1 / 255, rel_tol=1e-6)


def _features(model: Any, path: Path) -> Any:
    """Return the tensor before a model's head.

    Args:
        model: A functional or Sequential model of images.
        path: Its file.
    """
    if len(model.output_shape) == 4:
        return model.outputs[0]
    by_depth = (getattr(model, "_functional", None) or model)._nodes_by_depth
    calls = [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]
    with_weights = [x for x in calls if getattr(x.operation, "weights", None)]
    if any(len(x.outputs[0].shape) == 4 for x in with_weights):
        maps = [x.outputs[0] for x in calls if len(x.outputs[0].shape) == 4]
        # A head may end in convolutions of a single pixel.
        large = [x for x in maps if x.shape[1] != 1 or x.shape[2] != 1]
        return (large or maps)[-1]
    if len(with_weights) < 2:
        raise UserError("it has no layers before its head", where=f"{FLAG} {path}")
    return with_weights[-1].input_tensors[0]


def _twin(layer: Any, x: Any) -> Any:
    """Return what a copy of a layer that prepares images makes of them."""
    twin = layer.from_config(layer.get_config())
    prepared = twin(x)
    if layer.weights:  # of Normalization
        twin.set_weights(layer.get_weights())
        twin.finalize_state()
    return prepared


def _clone(layers: Any, shape: Sequence[int], *, learned: bool) -> Any:
    """Return a copy of layers for images of a shape, (height, width, channels)."""
    import keras

    clone = keras.models.clone_model(layers, input_tensors=keras.Input(tuple(shape)))
    _copy_values(layers, clone, learned=learned)
    return clone


def _copy_values(source: Any, target: Any, *, learned: bool) -> None:
    """Give a clone the values of its source; those of data statistics in any case."""
    import keras

    for layer in source.layers if learned else []:
        if layer.weights:
            target.get_layer(layer.name).set_weights(layer.get_weights())
    for layer, twin in zip(_leaves(source), _leaves(target), strict=True):
        if isinstance(twin, keras.layers.Normalization):
            twin.set_weights(layer.get_weights())
            twin.finalize_state()  # it computes with constants made of its variables
        if isinstance(twin, keras.layers.BatchNormalization) and not learned:
            # .99 and more lag behind in trainings of a few hundred steps.
            twin.momentum = min(twin.momentum, 0.9)


def _tunable(model: Any) -> list[Any]:
    """Return the layers that can be unfrozen, from the input on."""
    import keras

    fixed = keras.layers.BatchNormalization | keras.layers.Normalization
    return [x for x in _leaves(model) if x.weights and not isinstance(x, fixed)]


def _leaves(model: Any) -> list[Any]:
    """Return the layers of a model and of the models within it, from the input on."""
    import keras

    if not isinstance(model, keras.Model):
        return [model]
    return [leaf for layer in model.layers for leaf in _leaves(layer)]


def _unbuildable(
    name: str,
    base: _Base,
    input_shape: Sequence[int],
    received: tuple[int, ...],
    error: Exception,
) -> UserError:
    """Return the error for layers that could not be built: is it the size of the images?

    Args:
        name: What was to be built on.
        base: What it is.
        input_shape: Shape of an image of the data.
        received: Shape in which it comes to the layers.
        error: Why they could not be built.
    """
    expected = tuple(base.layers.input_shape[1:])
    reason = one_line(error).rstrip(".")
    fits = all(e in (None, r) for e, r in zip(expected, received, strict=True))
    if not fits and _can_be_cloned(base.layers, expected):
        return _misfit(name, base, input_shape, received, reason)
    return UserError(
        f"its layers cannot be built for images of shape {received}: {reason}", where=_named(name)
    )


def _can_be_cloned(layers: Any, shape: Sequence[int]) -> bool:
    try:
        _clone(layers, shape, learned=True)
    except Exception:  # for whatever reason: it is the one to tell of
        return False
    return True


def _misfit(
    name: str,
    base: _Base,
    input_shape: Sequence[int],
    received: tuple[int, ...] | None = None,
    reason: str = "",
) -> UserError:
    """Return the error for images that a backbone does not take."""
    expected, given = tuple(base.layers.input_shape[1:]), tuple(input_shape)
    hint = "Take a model of such images"
    if expected[0] == expected[1] is not None and {expected[-1], given[-1]} <= {1, 3}:
        hint = f"Resize the images with --image-size {expected[0]}"
    changed = f", here as {received}" if received not in (None, given) else ""
    return UserError(
        f"it takes images of shape {expected}, but the data have {given}{changed}"
        + (f": {reason}" if reason else ""),
        where=_named(name),
        hint=hint,
    )


def _named(name: str) -> str:
    """Return where a person named what is built on."""
    return name if name in IMAGENET else f"{FLAG} {name}"
