"""Images that a GAN draws for classifiers to learn from, where real ones are few.

The GAN is trained inside each training fold: it sees the very images that the classifier sees,
and none of those that the classifier is scored on. So is the network that filters its images.
"""

from __future__ import annotations

import fcntl
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from automl_sem.data.dataset import TrainingPart, read_rows
from automl_sem.failures import Diverged
from automl_sem.files import save_npz
from automl_sem.gan_recipe import GanRecipe
from automl_sem.scoring.fold import train_rows
from automl_sem.scoring.gan.features import FeatureNetwork
from automl_sem.scoring.gan.judge import as_pixels
from automl_sem.scoring.gan.trainer import GanTrainer
from automl_sem.scoring.remember import remembered
from automl_sem.seeds import derive_seed
from automl_sem.spaces.load import load_space
from automl_sem.types import Bytes, DataInfo, Ints

SHARES = (0.0, 0.5, 1.0)  # fakes for each real image, among which a search chooses
KEPT = 12  # folds whose images stay in memory: those of a search, and as many fresh ones

# An image is kept where the filter is so sure that it shows the class that was asked for: the
# threshold above which FixMatch trusts a guess (Sohn et al. 2020, arXiv 2001.07685).
CONFIDENT = 0.95
ROUNDS = 4  # that what the filter rejects is drawn anew; then there are fewer
FILTER_STEPS = 300  # at least, so that few images are learnt well enough to be sure of anything

# Of few images, a step takes fewer: with all of them in each, a step would take as long as with
# many, and the discriminator would see each image as often as the generator is taught.
SMALLEST_BATCH = 16
BATCHES = 4  # at least so many different ones, where there are images enough
# What a step of the built-in GAN takes on two cores, for each pixel and besides.
SECONDS_A_PIXEL, SECONDS_A_STEP = 2e-6, 8e-3


@dataclass(frozen=True)
class Fakes:
    """What a GAN drew for a fold, as far as the filter let it pass.

    Args:
        images: (m, height, width, channels), 0 to 255; of each class at most as many as there
            are real ones.
        labels: Their classes, (m,).
        rejected: How many of each class the filter rejected, (classes,).
        reason: Why there are none; empty if there are some.
    """

    images: Bytes
    labels: Ints
    rejected: Ints
    reason: str = ""

    def some(self, share: float, real: Ints) -> tuple[Bytes, Ints]:
        """Return images and labels of a share of the real ones, each class by itself.

        Args:
            share: Fakes for each real image, 0 to 1.
            real: Classes of the real images, (n,).
        """
        counts = np.bincount(real, minlength=len(self.rejected))
        chosen = [
            np.flatnonzero(self.labels == number)[: round(share * count)]
            for number, count in enumerate(counts.tolist())
        ]
        rows = np.concatenate(chosen)
        return self.images[rows], self.labels[rows]


@dataclass(frozen=True)
class Design:
    """A GAN to be trained anew on each fold; light enough to travel to worker processes.

    Args:
        space: The run's copy of its space file.
        name: Name of the space.
        beside: Folder whose modules the space may import.
        values: Hyperparameters by name.
        recipe: How it is trained.
    """

    space: Path
    name: str
    beside: Path
    values: Mapping[str, Any]
    recipe: GanRecipe

    def build(self, info: DataInfo) -> Any:
        """Return the `Gan` for images of some kind, with fresh weights."""
        space = load_space(self.space, name=self.name, beside=self.beside)
        return space.rebuild(self.values, info)


class Forgers:
    """Returns the fakes of a fold, the same ones wherever and whenever they are asked for.

    Args:
        part: The training part of the data.
        seed: Seed of the run.
        design: The GAN.
        folder: Where fakes are kept, for workers beside and for later; None keeps them in
            memory alone.
    """

    def __init__(
        self, part: TrainingPart, seed: int, design: Design, folder: Path | None = None
    ) -> None:
        self._part = part
        self._seed = seed
        self._design = design
        self._folder = folder
        self._network: FeatureNetwork | None = None
        self._known: dict[int, Fakes] = {}

    def of(self, held_out: Ints) -> Fakes:
        """Return the fakes of a fold.

        Args:
            held_out: Rows that are held out, (n,); none stands for all training data.
        """
        key = fakes_key(self._seed, held_out)
        return remembered(self._known, key, KEPT, lambda: self._find(held_out, key))

    def _find(self, held_out: Ints, key: int) -> Fakes:
        if self._folder is None:
            return self._make(held_out, key)
        self._folder.mkdir(parents=True, exist_ok=True)
        # A worker that gets here while another makes the same waits for it. The system lets go
        # of the lock when a process dies.
        with (self._folder / f"{key}.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            found = read_fakes(self._folder, key)
            if found is None:
                found = self._make(held_out, key)
                arrays = {name: np.array(value) for name, value in vars(found).items()}
                save_npz(self._folder / f"{key}.npz", arrays, durable=False)
        return found

    def _make(self, held_out: Ints, key: int) -> Fakes:
        """Train GAN and filter on the training rows; they are given nothing else."""
        part = self._part
        rows = train_rows(part.y, held_out)
        names = tuple(part.names[row] for row in rows)
        seen = replace(part, x=read_rows(part.x, rows), y=part.y[rows], names=names, groups=None)
        if self._network is None:
            self._network = FeatureNetwork(part.info.input_shape, part.info.classes)
        try:
            return fakes_of(seen, self._design, self._network, key)
        except Diverged as error:  # for good: memory may be there another time
            classes = len(part.class_names)
            none = seen.x[:0], seen.y[:0], np.zeros(classes, np.int64)
            return Fakes(*none, reason=f"its GAN failed, {error}")


def fakes_of(seen: TrainingPart, design: Design, network: FeatureNetwork, seed: int) -> Fakes:
    """Train a GAN on images, and return what it draws that a classifier of them is sure of.

    Args:
        seen: All that GAN and classifier are trained on.
        design: The GAN.
        network: The classifier, which is trained anew.
        seed: Decides everything about it.

    Raises:
        Diverged: If the GAN does, or collapses.
    """
    recipe = for_few(design.recipe, len(seen.y))
    trainer = GanTrainer(lambda: design.build(seen.info), recipe, seen, seed)
    gan = trainer.learn(derive_seed(seed, "gan"))
    network.fit(seen.x, seen.y, derive_seed(seed, "filter"), FILTER_STEPS)
    missing = np.bincount(seen.y, minlength=seen.info.classes)
    images, labels, rejected = [seen.x[:0]], [seen.y[:0]], np.zeros_like(missing)
    for number in range(ROUNDS):
        asked = np.repeat(np.arange(len(missing)), missing)
        if not len(asked):
            break
        drawn = as_pixels(gan.draw(len(asked), asked, derive_seed(seed, "drawn", number)))
        sure = network.probabilities(drawn)[np.arange(len(asked)), asked] >= CONFIDENT
        images.append(drawn[sure])
        labels.append(asked[sure])
        missing = np.bincount(asked[~sure], minlength=len(missing))
        rejected += missing
    reason = "" if sum(map(len, labels)) else "none of its images could be told by their class"
    return Fakes(np.concatenate(images), np.concatenate(labels), rejected, reason)


def for_few(recipe: GanRecipe, images: int) -> GanRecipe:
    """Return a recipe that takes fewer images a step where there are few; steps stay."""
    size = max(SMALLEST_BATCH, images // BATCHES)
    return replace(recipe, batch_size=min(recipe.batch_size, size))


def seconds_of(recipe: GanRecipe, images: int, shape: tuple[int, ...]) -> float:
    """Return about how long a GAN as large as the built-in one learns on two cores.

    Args:
        recipe: How it is trained.
        images: How many it sees.
        shape: Shape of an image, (height, width, channels).
    """
    few = for_few(recipe, images)
    pixels = min(few.batch_size, images) * shape[0] * shape[1]
    return few.steps * (SECONDS_A_STEP + pixels * SECONDS_A_PIXEL)


FakesOf = Callable[[Ints], Fakes]


@dataclass(frozen=True)
class Learnt:
    """What a classifier learns from.

    Args:
        part: The training part, with fakes behind its examples.
        rows: Rows to train on, those of fakes included, (n,).
        real: Those of real examples alone, (m,).
        note: Why there are no fakes where some were asked for; else empty.
    """

    part: TrainingPart
    rows: Ints
    real: Ints
    note: str = ""


def learnt_from(part: TrainingPart, held_out: Ints, share: float, fakes: FakesOf | None) -> Learnt:
    """Return what a classifier learns from: all rows but some, and fakes of these alone.

    Args:
        part: The training part.
        held_out: Rows to hold out, (n,).
        share: Fakes for each real example, 0 to 1.
        fakes: Returns the fakes of a fold; not needed for a share of 0.

    Raises:
        ValueError: If fakes are asked for, and there is nobody to draw them.
    """
    real = train_rows(part.y, held_out)
    if not share:
        return Learnt(part, real, real)
    if fakes is None:
        raise ValueError("the recipe asks for fakes, but no GAN draws any")
    found = fakes(held_out)
    images, labels = found.some(share, part.y[real])
    if not len(labels):
        return Learnt(part, real, real, f"no fake images in a fold: {found.reason}")
    added = replace(
        part,
        x=np.concatenate([part.x, images]),
        y=np.concatenate([part.y, labels]),
        names=(*part.names, *(f"fake {number}" for number in range(len(labels)))),
        groups=None,
    )
    return Learnt(added, np.concatenate([real, np.arange(len(part.y), len(added.y))]), real)


def fakes_key(seed: int, held_out: Ints) -> int:
    """Return what the fakes of a fold are kept under.

    Args:
        seed: Seed of the run.
        held_out: Rows that are held out, (n,).
    """
    return derive_seed(seed, "fakes", held_out.tolist())


def read_fakes(folder: Path, key: int) -> Fakes | None:
    """Return the fakes of a fold that are kept in a folder, or None."""
    try:
        with np.load(folder / f"{key}.npz") as file:
            kept = {name: file[name] for name in file.files}
        return Fakes(kept["images"], kept["labels"], kept["rejected"], str(kept["reason"]))
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        return None  # not there yet, or torn by a power cut
