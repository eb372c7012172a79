"""The lines of Python that feed an image to an export, for the model card and the report."""

from __future__ import annotations


def image_lines(channels: int) -> list[str]:
    """Return the lines that read `image.png` into `images` as training did.

    Args:
        channels: 1 for grey images, 3 for colour.
    """
    mode, axes = ("L", "[None, :, :, None]") if channels == 1 else ("RGB", "[None]")
    return [
        'image = Image.open("image.png").convert("RGBA")',
        'image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)',
        f'images = np.array(image.convert("{mode}")){axes}',
    ]
