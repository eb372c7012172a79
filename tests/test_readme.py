"""What README and docs say is true: their examples run."""

import ast
import re
import subprocess
import sys

import pytest
from conftest import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_commands_that_ci_runs_are_marked():
    assert re.findall(r"<!-- ci: (\w+) -->\n```bash\n", README) == ["search", "tests", "export"]


def test_the_two_commands_stand_on_the_first_screen():
    first_screen = "\n".join(README.splitlines()[:25])
    assert "automl-sem search shapes" in first_screen
    assert "-m pytest" in first_screen


@pytest.mark.parametrize("target", re.findall(r"\]\(((?!http)[^)]+)\)", README))
def test_every_link_leads_to_a_file(target):
    assert (REPOSITORY / target).exists()


def test_every_option_in_the_readme_exists():
    def options_of(command):
        call = [sys.executable, "-m", "automl_sem", command, "--help"]
        return set(
            re.findall(
                r"--[a-z-]+",
                subprocess.run(call, capture_output=True, text=True, check=True).stdout,
            )
        )

    known = set().union(*map(options_of, ["search", "data", "resume", "export", "generate"]))
    used = set(re.findall(r"`[^`\n]*?(--[a-z-]+)", README.split("## Your own data")[1]))
    assert used
    assert used <= known


@pytest.mark.slow
def test_the_space_of_the_readme_runs(call, tmp_path):
    space = tmp_path / "my_space.py"
    space.write_text(next(block for block in PYTHON if "def build" in block))
    code, out, err = call(
        "search", space, "--trials", 2, "--folds", 2, "--epochs", 1, "--workers", 0
    )
    assert code == 0, err
    assert "verdict" in out


@pytest.mark.slow
def test_the_python_of_the_readme_runs(tmp_path):
    code = next(block for block in PYTHON if "search(" in block)
    code = code.replace("trials=10", "trials=2, folds=2, epochs=2, workers=0")
    ast.parse(code)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert re.match(r"[01]\.\d+ \w+", done.stdout)
    assert list(tmp_path.glob("runs/*/export/trial-*/model.keras"))
