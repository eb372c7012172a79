"""Image files and tables of them, for tests."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image


def picture(path: Path, height: int = 12, width: int = 10, seed: int | None = None) -> Path:
    """Save an image of grey noise, another one for each name unless a seed is given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = zlib.crc32("/".join(path.parts[-4:]).encode()) if seed is None else seed
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def classes(root: Path, *labels: str, n: int = 5, **image: int) -> Path:
    """Save a folder of images per class."""
    for label in labels or ("cat", "dog"):
        for i in range(n):
            picture(root / label / f"{label}{i}.png", **image)
    return root


def table(path: Path, header: str, *rows: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def idx(path: Path, array: np.ndarray, *, kind: int = 8) -> Path:
    """Save an array as IDX, packed if the name ends in .gz."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    content = header + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    return path


def mnist(
    folder: Path, n: int = 20, tests: int = 6, dot: bool = False, packed: bool = True
) -> Path:
    """Save MNIST's four files with noise of three classes."""
    rng = np.random.default_rng(0)
    for part, count in (("train", n), ("t10k", tests)):
        images = rng.integers(0, 256, (count, 14, 12), dtype=np.uint8)
        end = ".gz" if packed else ""
        sign = "." if dot else "-"
        idx(folder / f"{part}-images{sign}idx3-ubyte{end}", images)
        idx(folder / f"{part}-labels{sign}idx1-ubyte{end}", np.arange(count) % 3)
    return folder
