"""How to get the same result again: command, data, versions, machine."""

from __future__ import annotations

import shlex
from typing import Any

from markupsafe import Markup

from automl_sem.costs import COSTS
from automl_sem.manifest import Manifest
from automl_sem.reports.context import Context
from automl_sem.results import Results
from automl_sem.spaces.find import builtin_spaces

TITLE = "Reproduce it"

LOADER_FLAGS = {
    "size": "--size",
    "image_size": "--image-size",
    "groups": "--groups",
    "kind": "--kind",
    "task": "--task",
    "frames": "--frames",
    "rate": "--rate",
}
SWITCHES = {"pad": "--pad", "skip_bad": "--skip-bad"}


def render(context: Context) -> Markup:
    """Return what is needed to run the search again."""
    manifest = context.manifest
    return context.render(
        "reproduce.html",
        command=command(context.results),
        in_run=bool(manifest.data.get("in_run")),
        in_python=_in_python(manifest),
        objectives=[
            f"FILE.py:{each.flag}" if each.kind == "python" else each.flag
            for each in manifest.objectives
        ],
        manifest=manifest,
        reproducible=manifest.window is not None,
        run=str(context.results.run.path),
        gpus=", ".join(map(str, manifest.machine.get("gpus", ()))) or "none",
        machine={k: v for k, v in manifest.machine.items() if k != "gpus"},
    )


def facts(context: Context) -> dict[str, Any]:
    """Return the command and what it depends on."""
    manifest = context.manifest
    return {
        "command": command(context.results),
        "manifest": manifest.model_dump(mode="json"),
    }


def command(results: Results) -> str:
    """Return the command line that searches the same again."""
    words = ["automl-sem", "search", "--space", _space(results), *_data(results)]
    words += ["--trials", str(_trials(results)), *_scoring(results.run.manifest)]
    words += _search(results.run.manifest)
    return shlex.join([*words, "--config", "none"])  # what is not said here was not chosen


def _data(results: Results) -> list[str]:
    """Return which data are read, and how."""
    manifest = results.run.manifest
    options = dict(manifest.data.get("options", {}))
    source = str(manifest.data["source"])
    if manifest.data.get("in_run"):
        source = str(results.run.path / "data.npz")
        options["kind"] = manifest.kind  # the arrays alone do not always tell
        if not manifest.generates:
            options["task"] = manifest.task
    words = ["--data", source]
    for name, flag in LOADER_FLAGS.items():
        if options.get(name) is not None:
            words += [flag, str(options[name])]
    return words + [flag for name, flag in SWITCHES.items() if options.get(name)]


def _scoring(manifest: Manifest) -> list[str]:
    """Return how candidates are scored, and what they may cost."""
    words = ["--folds", str(manifest.folds), "--seed", str(manifest.seed)]
    if manifest.check_stress:  # asked for: the space's own comes with it
        asked = (f"{kind}={strength:g}" for kind, strength in manifest.stress.items())
        words += ["--stress", ",".join(asked) or "none"]
    words += ["--discard", manifest.discard]
    if manifest.objectives and not _in_python(manifest):
        words += ["--objective", ",".join(objective.flag for objective in manifest.objectives)]
    for name, most in manifest.limits.items():
        words += [COSTS[name].flag, f"{most:.0f}" if name == "params" else f"{most:g}"]
    for name, number in manifest.fixed.items():
        words += [f"--{name.replace('_', '-')}", str(number)]
    return words


def _in_python(manifest: Manifest) -> bool:
    """Whether an objective is a function that no command line can name."""
    return any(objective.kind == "python" for objective in manifest.objectives)


def _search(manifest: Manifest) -> list[str]:
    """Return who proposes candidates, what they begin with, and who trains them."""
    flags = {
        "--engine": manifest.engine,
        "--sampler": manifest.sampler,
        "--oracle": manifest.oracle,
        "--workers": manifest.workers,
        "--gpus": len(manifest.gpus) if manifest.machine.get("gpus") else None,
        "--weights": manifest.weights and manifest.weights.file,
        "--warm-start": manifest.warm_start and manifest.warm_start.run,
        "--augment-with": manifest.augment_with and manifest.augment_with.asked,
    }
    words = [word for flag, said in flags.items() if said is not None for word in (flag, str(said))]
    if manifest.window is not None and manifest.workers > 1:
        words.append("--deterministic")
    return words


def _space(results: Results) -> str:
    """Return a built-in space's name, or else the copy of the file that the run keeps."""
    name, origin = results.run.manifest.space["name"], results.run.manifest.space.get("origin")
    builtin = builtin_spaces().get(name)
    if builtin is not None and origin == str(builtin):
        return name
    return str(results.run.path / "space.py")


def _trials(results: Results) -> int:
    """Return the trials of a finished search, else those asked for (none when time limits it)."""
    ended = sum(trial.state not in ("running", "infeasible") for trial in results.trials)
    manifest = results.run.manifest
    limited_by_time = manifest.time_limit_s is not None
    return max(1, ended) if results.finished or limited_by_time else max(manifest.trials, ended)
