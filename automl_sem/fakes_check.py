"""Find out whether fakes help: the best trial is trained with and without them on fresh folds.

That a search has chosen fakes shows little: the best of many scores is lucky. So the best trial
is trained once more, alike but for its fakes, on the same fresh folds from the same weights, and
they are kept only if the interval of the paired gain lies above zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from automl_sem.data.dataset import TrainingPart
from automl_sem.fresh import Entry, fresh_score
from automl_sem.gan_recipe import GanRecipe
from automl_sem.recipe import of_classifier
from automl_sem.run import GAN_SPACE, RunDirectory, Stage
from automl_sem.scoring.fold import train_rows
from automl_sem.scoring.gan.fakes import Design, Forgers, fakes_key, read_fakes
from automl_sem.scoring.metrics import fold_interval
from automl_sem.types import AnyScore, Candidate, Ints, Outcome, Score, classified

DRAWN = "drawn"  # folder of a run
FINDING = "fakes.json"
ALL = 1.0  # fakes for each real image, for a best trial that has none
FEW = 0.9  # of those that were asked for: it is said where a fold had fewer


@dataclass(frozen=True)
class Side:
    """The best trial with fakes or without, on fresh folds.

    Args:
        objective: Mean objective of its folds, as people quote it.
        accuracy: Share of held-out rows that are right.
    """

    objective: float
    accuracy: float


@dataclass(frozen=True)
class Finding:
    """Whether fakes help the best trial.

    Args:
        trial: Its number.
        searched: Fakes for each real image that it had in the search.
        share: The same of the one of both that has some.
        fakes: That one.
        real: The other.
        gain: By how much the objective is better with fakes, mean over the paired folds.
        low: Lower end of its 95 % interval (`fold_interval`).
        high: Upper end.
        word: What the objective is called.
        used: Fakes of a fold, mean over the folds.
        wanted: As many as there would be if the filter rejected none.
        unknown: Why it could not be found out; then the trial stays as it was, and there are
            no numbers.
    """

    trial: int
    searched: float
    share: float
    fakes: Side | None = None
    real: Side | None = None
    gain: float = 0.0
    low: float = 0.0
    high: float = 0.0
    word: str = ""
    used: float = 0.0
    wanted: float = 0.0
    unknown: str = ""

    @property
    def helped(self) -> bool:
        """Whether the interval of the gain lies above zero."""
        return not self.unknown and self.low > 0

    @property
    def kept(self) -> float:
        """Fakes for each real image with which the trial goes on; the baseline stays as it is."""
        if self.unknown or self.trial == 0:
            return self.searched
        return self.share if self.helped else 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the finding for scripts."""
        return {**asdict(self), "helped": self.helped, "kept": self.kept}

    @property
    def stage(self) -> Stage:
        """Where the fold results are kept of the one that the trial goes on as."""
        changed = bool(self.kept) != bool(self.searched)
        return _stage(bool(self.kept)) if changed else "fresh"


def design_of(run: RunDirectory) -> Design | None:
    """Return the GAN of a run that draws images for classifiers, or None."""
    kept = run.manifest.augment_with
    if kept is None:
        return None
    return Design(
        space=run.path / GAN_SPACE,
        name=kept.space["name"],
        beside=Path(kept.beside),
        values=kept.hyperparameters,
        recipe=GanRecipe.from_dict(kept.recipe),
    )


def forgers_of(run: RunDirectory, part: TrainingPart) -> Forgers | None:
    """Return what draws fakes for each fold of a run, or None."""
    design = design_of(run)
    if design is None:
        return None
    return Forgers(part, run.manifest.seed, design, run.path / DRAWN)


def to_train(run: RunDirectory, best: Candidate) -> list[Entry]:
    """Return the best trial without fakes if it has some, else with them.

    There is nothing to compare with while it has no score on the fresh folds itself.
    """
    if fresh_score(run, best.trial) is None:
        return []
    searched = of_classifier(best.recipe).fakes
    other = replace(of_classifier(best.recipe), fakes=0.0 if searched else ALL)
    word = "without" if searched else "with"
    return [Entry(replace(best, recipe=other), _stage(not searched), f"{word} fake images")]


def check_fakes(
    run: RunDirectory, best: Candidate, ended: Sequence[tuple[Entry, Outcome]], y: Ints
) -> Finding:
    """Write `fakes.json`, and return what it says: whether fakes help the best trial.

    Args:
        run: The run, with the fresh folds of the best trial.
        best: The best trial as the search scored it.
        ended: How training went of what `to_train` returned.
        y: Classes of the training images, (n,).
    """
    searched = of_classifier(best.recipe).fakes
    found = _counted(run, Finding(best.trial, searched, searched or ALL), y)
    ours = classified(fresh_score(run, best.trial))
    if ours is None or not ended:
        why = f"trial {best.trial} could not be trained on the fresh folds"
        found = replace(found, unknown=why)
    elif not found.unknown:
        entry, outcome = ended[0]
        theirs = classified(outcome.score)
        if theirs is None:
            found = replace(found, unknown=f"{entry} could not be trained ({outcome.reason})")
        else:
            found = compared(found, *((ours, theirs) if searched else (theirs, ours)))
    run.write_json(FINDING, {"schema_version": 1, **asdict(found)})
    return found


def _counted(run: RunDirectory, found: Finding, y: Ints) -> Finding:
    """Return a finding with the number of fakes of a fresh fold; unknown if there were none."""
    folds, used, wanted, reasons = run.splits("fresh"), [], [], []
    for fold in range(int(folds.max()) + 1):
        held_out = np.flatnonzero(folds == fold)
        drawn = read_fakes(run.path / DRAWN, fakes_key(run.manifest.seed, held_out))
        if drawn is None:  # a fold that could not be trained, or somebody cleared the folder
            return found
        real = y[train_rows(y, held_out)]
        used.append(len(drawn.some(found.share, real)[1]))
        wanted.append(found.share * len(real))
        reasons.append(drawn.reason)
    if any(used):
        return replace(found, used=float(np.mean(used)), wanted=float(np.mean(wanted)))
    why = next(filter(None, reasons), "there are too few real ones")
    return replace(found, unknown=f"no GAN drew a usable image ({why})")


def compared(found: Finding, fakes: Score, real: Score) -> Finding:
    """Return a finding with the numbers of two scores on the same folds.

    Args:
        found: Which trial it is about.
        fakes: Score with fakes.
        real: Score without.
    """
    pairs = zip(fakes.folds, real.folds, strict=True)
    gains = [without.objective - having.objective for having, without in pairs]
    interval = fold_interval(gains, "objective gain")
    return replace(
        found,
        fakes=Side(fakes.quoted, fakes.accuracy),
        real=Side(real.quoted, real.accuracy),
        gain=float(np.mean(gains)),
        low=interval.low,
        high=interval.high,
        word=real.objective_word,
    )


def read_finding(run: RunDirectory) -> Finding | None:
    """Return what `check_fakes` found; None before, or without fakes."""
    saved = run.read_json(FINDING)
    if saved is None:
        return None
    del saved["schema_version"]
    sides = {name: saved[name] and Side(**saved[name]) for name in ("fakes", "real")}
    return Finding(**{**saved, **sides})


def score_as_kept(run: RunDirectory, found: Finding) -> AnyScore | None:
    """Return the score on fresh folds of the trial as it goes on, with fakes or without."""
    return fresh_score(run, found.trial, found.stage)


def sentence(found: Finding) -> str:
    """Return in words whether fakes helped, and what follows."""
    if found.fakes is None or found.real is None:
        return f"Whether fake images help is not known: {found.unknown}."
    answer = "helped" if found.helped else "made it worse" if found.high < 0 else "did not help"
    ours, theirs = found.fakes, found.real
    fewer = ""
    if found.used < FEW * found.wanted:
        fewer = f" (of these the filter let {found.used:.0f} of {found.wanted:.0f} pass in a fold)"
    return (
        f"Fake images {answer}: with {found.share:g} for each real one{fewer}, trial "
        f"{found.trial} gets "
        f"{100 * ours.accuracy:.1f} % right and {found.word} {ours.objective:.3g}, without "
        f"{100 * theirs.accuracy:.1f} % and {theirs.objective:.3g}; the gain in {found.word} is "
        f"{found.gain:+.3g} (95 % interval {found.low:+.3g} to {found.high:+.3g}) on fresh "
        f"folds. {_what_follows(found)}"
    )


def _what_follows(found: Finding) -> str:
    if found.trial == 0:
        return "The trial is the baseline, which stays as it is, without them."
    return f"So the trial goes on with{'' if found.kept else 'out'} them."


def _stage(fakes: bool) -> Stage:
    return "fakes/with" if fakes else "fakes/without"
