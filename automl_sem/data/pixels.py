"""Image files to pixels, and pixels to one size: the same for training and for `predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from automl_sem.errors import UserError
from automl_sem.types import Bytes, Ints

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
KNOWN = "PNG, JPEG, BMP, GIF, TIFF or WebP"
MIN_SIDE = 8
WILD_SHAPE = 1.5  # times: stretched by more, a square is plainly no square any more
GREY_MODES = ("1", "L", "LA", "La", "F", "I")

Size = tuple[int, int]  # height, width


def decode_image(path: Path, channels: int) -> Bytes:
    """Return an image file as uint8 (height, width, channels), as the loader reads it.

    Transparent parts become white, the orientation that a camera noted is applied,
    16-bit values are brought to 8 bits, of an animation the first frame is taken.

    Args:
        path: A PNG, JPEG, BMP, GIF, TIFF or WebP file.
        channels: 1 for grey, 3 for RGB.

    Raises:
        UserError: If the file is not there or is not a readable image.
    """
    image = open_rgb(path)
    pixels = np.asarray(image.convert("L") if channels == 1 else image, np.uint8)
    return pixels.reshape(image.height, image.width, channels)


def saved_in_colour(path: Path) -> bool:
    """Return whether an image file has room for colours, whatever it shows."""
    from PIL import Image

    with Image.open(path, formats=FORMATS) as image:
        mode = str(image.mode)
    return mode.partition(";")[0] not in GREY_MODES


def border(images: Bytes) -> Ints:
    """Return the median value along the border of each image, the background as a rule, (n,).

    Args:
        images: uint8 (n, height, width, channels).
    """
    n = len(images)
    sides = (images[:, 0], images[:, -1], images[:, 1:-1, 0], images[:, 1:-1, -1])
    values = np.concatenate([side.reshape(n, -1) for side in sides], axis=1)
    medians: Ints = np.rint(np.median(values, axis=1)).astype(np.int64)
    return medians


def resize(images: Bytes, size: Size, pad: int | None = None) -> Bytes:
    """Return images in another size, exactly as the layer in an exported model does it.

    Args:
        images: uint8 (n, height, width, channels).
        size: Wanted height and width.
        pad: Value 0..255 that fills up images of another shape; None stretches them.
    """
    if images.shape[1:3] == size or not len(images):
        return images.reshape(len(images), *size, images.shape[-1])
    return np.asarray(resizing_layer(size, pad)(images), np.uint8)


def resizing_layer(size: Size, pad: int | None = None) -> Any:
    """Return the stock Keras layer that `resize` applies, for use in exported models.

    Its dtype is uint8: with the usual float32 it rounds when called, but `predict` of a
    model with the layer in it gives unrounded values.

    Args:
        size: Wanted height and width.
        pad: Value 0..255 that fills up images of another shape; None stretches them.
    """
    from automl_sem.backend import use_tensorflow

    use_tensorflow()
    import keras

    return keras.layers.Resizing(
        *size,
        interpolation="bilinear",
        antialias=True,
        pad_to_aspect_ratio=pad is not None,
        fill_value=pad or 0,
        data_format="channels_last",
        dtype="uint8",
    )


def check_size(size: Size, where: object) -> None:
    """Refuse images that are too small for a network.

    Args:
        size: Height and width.
        where: The file or folder that they come from.

    Raises:
        UserError: If a side is below 8 pixels.
    """
    if min(size) < MIN_SIDE:
        raise UserError(
            f"images of {size[0]}x{size[1]} are too small, a side needs {MIN_SIDE} pixels",
            where=where,
            hint="Choose a larger size with --image-size, such as --image-size 32",
        )


def open_rgb(path: Path) -> Any:
    """Return the image as PIL's RGB."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path, formats=FORMATS) as image:
            image.load()
            return on_white(ImageOps.exif_transpose(image))
    except FileNotFoundError:
        raise UserError("no such file", where=path) from None
    except PermissionError as error:
        denied(error)
    except Exception as error:  # decoders of broken files raise errors of many kinds
        raise UserError(f"cannot be read as an image: {_reason(path, error)}", where=path) from None


def on_white(image: Any) -> Any:
    """Return an image of PIL as RGB, on white where it is transparent."""
    from PIL import Image

    if image.mode.startswith("I") or image.mode == "F":
        image = Image.fromarray(_to_8_bits(np.asarray(image, np.float64), image.mode == "F"))
    if "transparency" not in image.info and not image.mode.lower().endswith("a"):
        return image.convert("RGB")
    rgba = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")


def _to_8_bits(values: NDArray[np.float64], floats: bool) -> Bytes:
    """Bring 16-bit values, or floats in [0, 1] or 0..255, to 8 bits."""
    low, high = values.min(), values.max()
    top = (1.0 if high <= 1 else 255.0) if floats else 65535.0
    if not 0 <= low <= high <= top:
        raise ValueError(f"its values go from {low:g} to {high:g}, expected 0 to {top:g}")
    return np.rint(values * (255 / top)).astype(np.uint8)


def _reason(path: Path, error: Exception) -> str:
    from PIL import UnidentifiedImageError

    if path.is_dir():
        return "it is a folder"
    if path.stat().st_size == 0:
        return "the file is empty"
    if isinstance(error, UnidentifiedImageError):
        return f"it is not a {KNOWN}"
    return " ".join(str(error).split()) or type(error).__name__


def denied(error: OSError) -> NoReturn:
    """Raise the one line for a file or folder that may not be read."""
    reason = "permission denied" if isinstance(error, PermissionError) else str(error.strerror)
    raise UserError(reason, where=error.filename or "", hint="Check that you may read it") from None
