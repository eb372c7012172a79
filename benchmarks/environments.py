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
    """Return the Python of an environment, which is made if it does not hold these versions.

    Args:
        packages: What to install, such as `keras==3.12.*`.
        folder: Where the environment is to be.

    Raises:
        RuntimeError: If they cannot be installed.
    """
    python = folder.expanduser().resolve() / "bin" / "python"
    if not holds(python, packages):
        print(f"making an environment in {folder}", file=sys.stderr, flush=True)
        try:
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
            subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
        except subprocess.CalledProcessError:
            raise RuntimeError(f"cannot be installed: {', '.join(packages)}") from None
    return python


def holds(python: Path, packages: Sequence[str]) -> bool:
    """Return whether an environment has packages in the wanted versions.

    Args:
        python: Its Python.
        packages: As for `python_with`, each with `==` and a version that may end in `.*`.
    """
    wanted = dict(package.split("==") for package in packages)
    found = versions_in(python, list(wanted))
    there = dict(each.split(" ") for each in found.split(", ")) if found else {}
    return all(name in there and _is(there[name], pin) for name, pin in wanted.items())


def _is(version: str, pin: str) -> bool:
    return f"{version}.".startswith(pin[:-1]) if pin.endswith(".*") else version == pin


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
