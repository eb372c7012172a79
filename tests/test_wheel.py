"""The wheel holds all it needs: built, installed in an empty environment, searched from."""

import json
import os
import subprocess
import sys
import sysconfig

import pytest
from conftest import REPOSITORY


@pytest.mark.slow
def test_a_search_runs_from_the_installed_wheel(tmp_path):
    def run(*command, **options):
        done = subprocess.run(
            [str(part) for part in command],
            capture_output=True, text=True, check=False, cwd=tmp_path, **options,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    source = tmp_path / "source"
    run("git", "clone", "--quiet", REPOSITORY, source)
    run(sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path / "dist", source)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    # What it depends on comes from here; `.ci/run` installs that from the package index.
    here = sysconfig.get_path("purelib")
    (packages,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(f"{here}\n")
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel)

    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COV_"))}
    tool = tmp_path / "venv" / "bin" / "automl-sem"
    listing = run(tool, "spaces", env=clean)
    assert str(tmp_path / "venv") in listing
    arguments = ["search", "shapes", "--trials", 2, "--folds", 2, "--epochs", 1]
    arguments += ["--workers", 0, "--json"]
    result = json.loads(run(tool, *arguments, env=clean))
    assert result["trials"] == 2
    assert os.path.getsize(os.path.join(result["run"], "report.html")) > 1_000_000
