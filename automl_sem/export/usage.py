"""The lines of Python that feed an image to an export, for the model card and the report."""

from __future__ import annotations

IMPORTS = ("import numpy as np", "from PIL import Image, ImageOps")


def image_lines(channels: int) -> list[str]:
    """Return the lines that read `image.png` into `images` as training and `predict` do.

    They say in short what `decode_image` in `automl_sem.data.pixels` does.

    Args:
        channels: 1 for grey images, 3 for colour.
    """
    mode, axes = ("L", "[None, :, :, None]") if channels == 1 else ("RGB", "[None]")
    return [
        'image = ImageOps.exif_transpose(Image.open("image.png"))',
        'if image.mode[0] in "IF":  # 16 bits or floats: bring them to 8 bits',
        "    values = np.asarray(image, float)",
        '    top = 65535 if image.mode != "F" else 1 if values.max() <= 1 else 255',
        '    image = Image.fromarray(np.rint(values * (255 / top)).astype("uint8"))',
        'image = image.convert("RGBA")',
        'image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)',
        f'images = np.array(image.convert("{mode}")){axes}',
    ]
