"""How to get the same result again: command, data, versions, machine."""

from __future__ import annotations

import shlex
from typing import Any

from markupsafe import Markup

from automl_sem.costs import COSTS
from automl_sem.reports.context import Context
from automl_sem.results import Results
from automl_sem.spaces.find import builtin_spaces

TITLE = "Reproduce it"

LOADER_FLAGS = {
    "size": "--size",
    "image_size": "--image-size",
    "groups": "--groups",
    "kind": "--kind",
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
    manifest = results.run.manifest
    data = manifest.data
    options = dict(data.get("options", {}))
    source = str(data["source"])
    if data.get("in_run"):
        source = str(results.run.path / "data.npz")
        options["kind"] = manifest.kind  # the arrays alone do not always tell
    words = ["automl-sem", "search", "--space", _space(results), "--data", source]
    words += ["--trials", str(_trials(results))]
    words += ["--folds", str(manifest.folds), "--seed", str(manifest.seed)]
    if manifest.check_stress:  # asked for: the space's own comes with it
        asked = (f"{kind}={strength:g}" for kind, strength in manifest.stress.items())
        words += ["--stress", ",".join(asked) or "none"]
    words += ["--discard", manifest.discard, "--workers", str(manifest.workers)]
    words += ["--engine", manifest.engine]
    for flag, name in (("--sampler", manifest.sampler), ("--oracle", manifest.oracle)):
        words += [flag, name] if name else []
    if manifest.machine.get("gpus"):
        words += ["--gpus", str(len(manifest.gpus))]
    if manifest.window is not None and manifest.workers > 1:
        words.append("--deterministic")
    if manifest.objectives:
        words += ["--objective", ",".join(objective.flag for objective in manifest.objectives)]
    for name, most in manifest.limits.items():
        words += [COSTS[name].flag, f"{most:.0f}" if name == "params" else f"{most:g}"]
    for name, number in manifest.fixed.items():
        words += [f"--{name.replace('_', '-')}", str(number)]
    if manifest.weights:
        words += ["--weights", manifest.weights.file]
    if manifest.warm_start:
        words += ["--warm-start", manifest.warm_start.run]
    for name, flag in LOADER_FLAGS.items():
        if options.get(name) is not None:
            words += [flag, str(options[name])]
    words += [flag for name, flag in SWITCHES.items() if options.get(name)]
    return shlex.join(words)


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
