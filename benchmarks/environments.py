"""Environments of their own for peers, which need other packages than this project.

They are made once, and kept where a person's caches are.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def caches() -> Path:
    """Return the folder for what can be made anew."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "automl-sem"


def python_with(packages: Sequence[str], folder: Path) -> Path:
    """Return the Python of an environment, which is made if the packages are not in it.

    Args:
        packages: What to install, such as `keras==3.12.*`.
        folder: Where the environment is to be.

    Raises:
        RuntimeError: If they cannot be installed.
    """
    python = folder.expanduser().resolve() / "bin" / "python"
    if not versions_in(python, [package.partition("==")[0] for package in packages]):
        print(f"making an environment in {folder}", file=sys.stderr, flush=True)
        try:
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
            subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
        except subprocess.CalledProcessError:
            raise RuntimeError(f"cannot be installed: {', '.join(packages)}") from None
    return python


def versions_in(python: Path, names: Sequence[str]) -> str:
    """Return the versions of packages as text, empty if one of them is not there."""
    code = (
        "from importlib.metadata import version\n"
        f"print(', '.join(f'{{name}} {{version(name)}}' for name in {tuple(names)}))"
    )
    if not python.exists():
        return ""
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""
