"""Image files to pixels, and pixels to one size: the same for training and for `predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from automl_sem.errors import UserError
from automl_sem.types import Bytes

FORMATS = ("PNG", "JPEG", "BMP", "GIF")
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif")
MIN_SIDE = 8

Size = tuple[int, int]  # height, width


def decode_image(path: Path, channels: int) -> Bytes:
    """Return an image file as uint8 (height, width, channels), as the loader reads it.

    Transparent parts become white, the orientation that a camera noted is applied,
    16-bit values are brought to 8 bits, of an animation the first frame is taken.

    Args:
        path: A PNG, JPEG, BMP or GIF file.
        channels: 1 for grey, 3 for RGB.

    Raises:
        UserError: If the file is not there or is not a readable image.
    """
    image = open_rgb(path)
    pixels = np.asarray(image.convert("L") if channels == 1 else image, np.uint8)
    return pixels.reshape(image.height, image.width, channels)


def resize(images: Bytes, size: Size) -> Bytes:
    """Return images in another size, exactly as the layer in an exported model does it.

    Args:
        images: uint8 (n, height, width, channels).
        size: Wanted height and width.
    """
    if images.shape[1:3] == size or not len(images):
        return images.reshape(len(images), *size, images.shape[-1])
    return np.asarray(resizing_layer(size)(images), np.uint8)


def resizing_layer(size: Size) -> Any:
    """Return the stock Keras layer that `resize` applies, for use in exported models.

    Its dtype is uint8: with the usual float32 it rounds when called, but `predict` of a
    model with the layer in it gives unrounded values.

    Args:
        size: Wanted height and width.
    """
    from automl_sem.backend import use_tensorflow

    use_tensorflow()
    import keras

    return keras.layers.Resizing(
        *size,
        interpolation="bilinear",
        antialias=True,
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
            return _to_rgb(ImageOps.exif_transpose(image))
    except FileNotFoundError:
        raise UserError("no such file", where=path) from None
    except PermissionError as error:
        denied(error)
    except Exception as error:  # decoders of broken files raise errors of many kinds
        raise UserError(f"cannot be read as an image: {_reason(path, error)}", where=path) from None


def _to_rgb(image: Any) -> Any:
    """Return RGB, on white where the image is transparent."""
    from PIL import Image

    if image.mode.startswith("I"):  # 16 bits of grey
        values = np.clip(np.asarray(image, np.float64), 0, 65535)
        image = Image.fromarray(np.rint(values / 257).astype(np.uint8))
    if "transparency" not in image.info and not image.mode.lower().endswith("a"):
        return image.convert("RGB")
    rgba = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")


def _reason(path: Path, error: Exception) -> str:
    from PIL import UnidentifiedImageError

    if path.is_dir():
        return "it is a folder"
    if path.stat().st_size == 0:
        return "the file is empty"
    if isinstance(error, UnidentifiedImageError):
        return "it is not a PNG, JPEG, BMP or GIF"
    return " ".join(str(error).split()) or type(error).__name__


def denied(error: OSError) -> NoReturn:
    """Raise the one line for a file or folder that may not be read."""
    reason = "permission denied" if isinstance(error, PermissionError) else str(error.strerror)
    raise UserError(reason, where=error.filename or "", hint="Check that you may read it") from None
