"""The GAN of `--augment-with`: the built-in one, or the one that another search found.

Of another search networks and recipe are taken, never its weights: these have seen images that a
fold of this search holds out, so that every score would be too good.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from automl_sem.data.dataset import Dataset
from automl_sem.errors import UserError
from automl_sem.export.predict import read_record
from automl_sem.gan_recipe import GanRecipe, of_gan
from automl_sem.manifest import AugmentWith, Manifest
from automl_sem.results import TrialRecord, read_results
from automl_sem.run import RunDirectory
from automl_sem.scoring.gan.checks import check_drawable
from automl_sem.scoring.gan.fakes import seconds_of
from automl_sem.spaces.find import find_space
from automl_sem.spaces.load import load_space
from automl_sem.spaces.space import Space, generates

FLAG = "--augment-with"
BUILT_IN = "gan"
SMALLEST, LARGEST = 8, 64  # pixels a side


def augment_with(asked: str | Path, dataset: Dataset) -> AugmentWith:
    """Return the GAN that a person asked for, once it is clear that it can draw the data.

    Args:
        asked: `"gan"`, or an export of a GAN, or a run that searched for one, which stands for
            its best.
        dataset: What is to be classified.

    Raises:
        UserError: If there is no such GAN, or it cannot draw images of a class of these data.
    """
    check_drawable(dataset.train, FLAG)
    side = dataset.info.input_shape[0]
    if not SMALLEST <= side <= LARGEST:
        raise UserError(
            f"a GAN draws images of {SMALLEST} to {LARGEST} pixels a side, but these have {side}",
            where=FLAG,
            hint="Pass --image-size 32 to make them smaller" if side > LARGEST else "",
        )
    if dataset.info.classes < 2:
        raise UserError("fakes of one class alone help nobody to tell classes apart", where=FLAG)
    trial = None
    if str(asked) == BUILT_IN:
        space = load_space(find_space(BUILT_IN))
        values = dict(space.good_starts[0])
        recipe: Any = space.recipe_of(values, dataset.info)
        beside = space.path.parent
    else:
        space, beside, trial = _of_run(Path(asked).expanduser())
        values = dict(trial.hyperparameters)
        recipe = of_gan(trial.recipe)
    gan = _built(space, values, dataset, asked)
    if not gan.conditional:
        raise UserError(
            "this GAN has learnt without classes, so nobody knows what its images show",
            where=f"{FLAG} {asked}",
            hint="Take one that is conditional, or --augment-with gan",
        )
    return AugmentWith(
        asked=str(asked),
        trial=None if trial is None else trial.number,
        space={
            "name": space.name, "origin": str(space.path), "sha256": space.fingerprint(),
        },
        beside=str(beside),
        hyperparameters=values,
        recipe=recipe.to_dict(),
    )  # fmt: skip


def _of_run(path: Path) -> tuple[Space, Path, TrialRecord]:
    """Return space, the folder beside it, and the trial of an export, or the best of a run."""
    where, folder = f"{FLAG} {path}", path.resolve()
    trial = None
    if not (folder / "run.json").exists():
        trial, folder = read_record(folder)["trial"], folder.parent.parent
    if not (folder / "run.json").exists():
        raise UserError(
            "the run that this export was made from is not around it",
            where=where,
            hint="Its space is needed, not its weights: put it back into RUN/export/",
        )
    run = RunDirectory(folder)
    if not run.manifest.generates:
        raise UserError(
            "this run searched for classifiers, not for GANs",
            where=where,
            hint="Take a run of `automl-sem search gan`, or --augment-with gan",
        )
    results = read_results(run)
    found = results.require_best().trial if trial is None else results.trial(trial)
    kept = run.manifest.space
    beside = Path(kept["origin"]).parent
    space = load_space(run.path / "space.py", name=kept["name"], beside=beside)
    return space, beside, found


def _built(space: Space, values: dict[str, Any], dataset: Dataset, asked: str | Path) -> Any:
    gan = space.rebuild(values, dataset.info)
    if not generates(gan):
        raise UserError("its space builds no GAN", where=f"{FLAG} {asked}")
    return gan


def gan_source(manifest: Manifest) -> str | None:
    """Return the text of the space file of a run's GAN, to be kept in the run; None without."""
    kept = manifest.augment_with
    return None if kept is None else Path(kept.space["origin"]).read_text(encoding="utf-8")


def described(kept: AugmentWith, dataset: Dataset, folds: int) -> str:
    """Return what the GAN of a search means for it, in a line for people.

    Args:
        kept: The GAN.
        dataset: What is to be classified.
        folds: Number of folds.
    """
    n, recipe = len(dataset.train.y), GanRecipe.from_dict(kept.recipe)
    seconds = 2 * folds * seconds_of(recipe, n - n // folds, dataset.info.input_shape)
    whose, if_large = "the built-in GAN", ""
    if kept.trial is not None:
        whose = (
            f"the GAN of trial {kept.trial} of {kept.asked} (not its weights, which may have seen "
            "held-out images)"
        )
        if_large = ", if it is as large as the built-in one"
    return (
        f"fake images: {whose} learns anew inside each of {folds} folds and {folds} fresh ones, "
        f"{recipe.steps:,} steps each, on two cores about {max(1, round(seconds / 60))} min in all"
        f"{if_large}"
    )
