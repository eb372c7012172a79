"""What README and docs say is true: their examples run."""

import ast
import re
import subprocess
import sys

import pytest
from conftest import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
LINKS = [
    (page, target)
    for page in PAGES
    for target in re.findall(r"\]\(((?!http)[^)]+)\)", page.read_text(encoding="utf-8"))
]


def test_the_commands_that_ci_runs_are_marked():
    assert re.findall(r"<!-- ci: (\w+) -->\n```bash\n", README) == ["search", "tests", "export"]


def test_the_two_commands_stand_on_the_first_screen():
    first_screen = "\n".join(README.splitlines()[:25])
    assert "automl-sem search shapes" in first_screen
    assert "-m pytest" in first_screen


def anchors(page):
    """Return what GitHub calls the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(("page", "target"), LINKS, ids=[f"{p.stem}-{t}" for p, t in LINKS])
def test_every_link_leads_to_a_file_and_a_heading(page, target):
    path, _, anchor = target.partition("#")
    found = page.parent / path if path else page
    assert found.exists()
    assert not anchor or anchor in anchors(found)


def test_every_page_of_the_docs_can_be_found_from_the_readme():
    told = {target.partition("#")[0] for page, target in LINKS if page == PAGES[0]}
    assert {f"docs/{page.name}" for page in PAGES[1:]} <= told


def test_every_option_in_readme_and_docs_exists():
    def options_of(command):
        call = [sys.executable, "-m", "automl_sem", command, "--help"]
        return set(
            re.findall(
                r"--[a-z-]+",
                subprocess.run(call, capture_output=True, text=True, check=True).stdout,
            )
        )

    commands = ["search", "data", "resume", "export", "generate", "init"]
    known = set().union(*map(options_of, commands))
    told = README.split("## Your own data")[1]
    told += "".join(page.read_text(encoding="utf-8") for page in PAGES[1:])
    code = re.findall(r"`(?!python )([^`\n]+)`", told)  # not of benchmarks
    used = set(re.findall(r"--[a-z-]+", " ".join(code)))
    assert len(used) > 30
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


@pytest.mark.slow
def test_the_python_of_the_docs_runs(tmp_path):
    page = (REPOSITORY / "docs" / "python.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    for told, tiny in (
        ("folds=3, epochs=20", "folds=2, epochs=1, workers=0"),
        ("trials=50", "trials=2"),
    ):
        assert told in code
        code = code.replace(told, tiny)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Showing 2 best trials" in done.stdout
