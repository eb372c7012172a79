"""A search space: the file a person wrote, ready to build models and recipes."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import math
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from automl_sem.augment import check_augment
from automl_sem.errors import UserError, did_you_mean, one_line
from automl_sem.failures import given_up
from automl_sem.gan_recipe import GanRecipe
from automl_sem.spaces.compiled import (
    KERAS_BATCH,
    built_for,
    check_compiled,
    is_compiled,
    loss_words,
    optimizer_words,
    output_shape,
)
from automl_sem.spaces.heads import HEAD, ONE_OUTPUT, check_head, for_task
from automl_sem.spaces.hypermodels import check_is_keras
from automl_sem.spaces.own_fit import call, rehearse
from automl_sem.spaces.parameters import Value, in_range, study_name, study_value
from automl_sem.types import AnyRecipe, DataInfo, Recipe

Values = Mapping[str, Value]


@dataclass(frozen=True)
class Space:
    """What may vary, and how a model is built from it.

    Args:
        name: Short name, the file's stem.
        path: The file it was loaded from.
        source: Text of the file.
        doc: First line of its docstring.
        kind: Kind of data it is for, or None for any.
        data: Default dataset, or None.
        size: Training examples of that dataset, or None for as many as it usually has.
        build_fn: The file's `build(hp, data)` or `build(hp)`, or that of its hypermodel.
        recipe_fn: The file's `recipe(hp, data)`, or None for the default recipe.
        baseline: Hyperparameters of trial 0; empty when the file names none.
        good_starts: Known-good candidates, tried right after the baseline.
        stress: Kinds of distortion that labels survive, with their strengths.
        fixed: Recipe fields that a flag sets (`epochs`, `batch_size`).
        weights: What `data.weights` is to the file's functions: a pretrained model, or None.
        shares: Of fakes for each real image, among which is searched; empty without a GAN that
            draws some.
        fit_fn: The `fit(hp, model, ...)` that its hypermodel has of its own, or None.
    """

    name: str
    path: Path
    source: str
    doc: str
    kind: str | None
    data: str | None
    size: int | None
    build_fn: Callable[..., Any]
    recipe_fn: Callable[..., Any] | None
    baseline: Values = field(default_factory=dict)
    good_starts: tuple[Values, ...] = ()
    stress: Mapping[str, float] = field(default_factory=dict)
    fixed: Mapping[str, int] = field(default_factory=dict)
    weights: str | None = None
    shares: tuple[float, ...] = ()
    fit_fn: Callable[..., Any] | None = None

    def fingerprint(self) -> str:
        """Return the SHA-256 of the file's text."""
        return hashlib.sha256(self.source.encode()).hexdigest()

    def with_fixed(self, **fields: int | None) -> Space:
        """Return the space with recipe fields fixed; None leaves a field to the search."""
        return replace(self, fixed={k: v for k, v in fields.items() if v is not None})

    def with_weights(self, weights: str | None) -> Space:
        """Return the space with the file of a pretrained model to build on; None for none."""
        return replace(self, weights=weights)

    def with_shares(self, shares: Sequence[float]) -> Space:
        """Return the space with how many fakes there are as a further hyperparameter."""
        return replace(self, shares=tuple(shares))

    @property
    def settled(self) -> dict[str, int | None]:
        """The recipe fields that are not searched: where epochs are fixed, they count."""
        steps = {"steps": None} if "epochs" in self.fixed else {}
        return {**self.fixed, **steps}

    def build(self, hp: Any, data: DataInfo) -> Any:
        """Return the Keras model for the values that `hp` hands out, compiled or not, or a `Gan`.

        Raises:
            UserError: If `build` returns something else, or the model does not fit the data.
        """
        model = self._call(self.build_fn, hp, data)
        where = f"build in {self.path}"
        check_is_keras(model, where)
        if generates(model):
            _check_gan(model, data, where)
            return model
        if getattr(model, "inputs", None):  # before its inputs are looked at: it takes noise
            _refuse_generator(model.output_shape, where)
        model = built_for(model, data, where)
        if is_compiled(model):
            check_compiled(model, where)
        shape = tuple(output_shape(model, data))
        _refuse_generator(shape, where)
        two = data.task == "classification" and data.classes == 2
        one_of_two = is_compiled(model) and two and shape == (None, 1)
        if shape != (None, data.outputs) and not one_of_two:
            raise UserError(
                f"the model's output must have shape (None, {data.outputs}), one "
                f"{ONE_OUTPUT[data.task]}, but has {shape}",
                where=where,
                hint="" if data.task == "classification" else HEAD,
            )
        check_head(model, data, where)
        return model

    def recipe(self, hp: Any, data: DataInfo, model: Any = None) -> AnyRecipe:
        """Return how to train the candidate, with the fields that flags fix.

        Args:
            hp: Hands out values.
            data: Description of the data.
            model: What `build` returned for the same values; None stands for no `Gan`.

        Raises:
            UserError: If `recipe` returns something else than what the model needs.
        """
        wanted = GanRecipe if generates(model) else Recipe
        made = self._call(self.recipe_fn, hp, data) if self.recipe_fn else wanted()
        if isinstance(made, Recipe) and model is not None:
            made = self._as_compiled(made, model)
        if not isinstance(made, wanted):
            raise UserError(
                f"it must return an automl_sem.{wanted.__name__}, but returned "
                f"{type(made).__name__}",
                where=f"recipe in {self.path}",
            )
        if isinstance(made, GanRecipe):
            return _with_steps(made, self.fixed, data)
        made = for_task(made, data)
        check_augment(made.augmentation, data.kind, f"Recipe.augment in {self.path}")
        if data.kind == "series" and made.views != "none":
            raise UserError(
                f"views={made.views!r} is for images and clips, but the data are series",
                where=f"recipe in {self.path}",
            )
        if self.shares:
            made = replace(made, fakes=hp.Choice("fakes", list(self.shares), default=0.0))
        elif made.fakes:
            raise UserError(
                "Recipe.fakes is chosen by the search",
                where=f"recipe in {self.path}",
                hint="Leave it out, and search with --augment-with gan",
            )
        made = replace(made, **self.settled)  # type: ignore[arg-type]
        if self.fit_fn is not None and model is not None:
            rehearse(self.fit_fn, hp, model, data, self._fit_options(made))
        return made

    def _as_compiled(self, made: Recipe, model: Any) -> Recipe:
        """Return a recipe that tells what a compiled model brings along itself."""
        if self.fit_fn is not None and self.recipe_fn is not None:
            raise UserError(
                "its hypermodel has a fit of its own, which knows nothing of a recipe",
                where=f"recipe in {self.path}",
                hint="Leave one of them out",
            )
        if self.recipe_fn is None and (is_compiled(model) or self.fit_fn is not None):
            made = replace(made, batch_size=KERAS_BATCH)
        optimizer = loss = "chosen in the fit of the hypermodel" if self.fit_fn else ""
        if is_compiled(model):
            optimizer = f"that of the compiled model ({optimizer_words(model.optimizer)})"
            loss = f"that of the compiled model ({loss_words(model.loss)})"
        own_fit = self.fit_fn is not None
        return replace(made, own_optimizer=optimizer, own_loss=loss, own_fit=own_fit)

    def generates(self, data: DataInfo) -> bool:
        """Whether candidates are GANs, as the recipe of the baseline tells.

        Where it does not, the baseline's networks are built; but those that draw images may be
        impossible to build for data that are none.
        """
        import keras_tuner

        hp = keras_tuner.HyperParameters()
        hp.values = dict(self.baseline)
        if self.recipe_fn is not None:
            with contextlib.suppress(Exception):  # it may rely on what `build` does to `hp`
                return isinstance(self._call(self.recipe_fn, hp, data), GanRecipe)
        with contextlib.suppress(Exception):  # told where all starts are built
            return generates(self.rebuild(self.baseline, data))
        return False

    def rebuild(self, values: Values, data: DataInfo) -> Any:
        """Return the model of recorded hyperparameters, with fresh weights."""
        import keras_tuner

        hp = keras_tuner.HyperParameters()
        hp.values = dict(values)
        return self.build(hp, data)

    def rebuild_to_fit(
        self, values: Values, data: DataInfo, recipe: AnyRecipe
    ) -> tuple[Any, Callable[..., Any]]:
        """Return the model of recorded hyperparameters, and what trains it: its hypermodel's fit.

        Args:
            values: Hyperparameters by name.
            data: Description of the data.
            recipe: That of the trial, whose epochs are passed on: Hyperband's differ by trial.

        Returns:
            The model, and a function (x, y, validation_data) -> what `HyperModel.fit` returns.
        """
        import keras_tuner

        fit_fn = self.fit_fn
        assert fit_fn is not None
        hp = keras_tuner.HyperParameters()
        hp.values = dict(values)
        model = self.build(hp, data)
        assert isinstance(recipe, Recipe)
        options = self._fit_options(recipe)

        def fit(x: Any, y: Any, validation_data: Any) -> Any:
            given = {**options, "validation_data": validation_data}
            return call(fit_fn, hp, model, x, y, given)

        return model, fit

    def _fit_options(self, recipe: Recipe) -> dict[str, Any]:
        """Return what a hypermodel's own fit is given beside the examples."""
        sized = {"batch_size": recipe.batch_size} if "batch_size" in self.fixed else {}
        return {"epochs": recipe.epochs, **sized, "callbacks": [], "verbose": 0}

    def recipe_of(self, values: Values, data: DataInfo) -> AnyRecipe:
        """Return the recipe of recorded hyperparameters."""
        import keras_tuner

        hp = keras_tuner.HyperParameters()
        hp.values = dict(values)
        return self.recipe(hp, data, self.build(hp, data))

    def starts(self, data: DataInfo) -> tuple[dict[str, Value], ...]:
        """Return baseline and known-good candidates by their names in the study.

        Where the file leaves the baseline out, it is the space's default values. Where fakes are
        searched, the first good candidate has as many as there can be, so that a short search
        tries them too.

        Raises:
            UserError: If one names an unknown hyperparameter or a value out of range, or if a
                name stands for two ranges.
        """
        candidates = [("BASELINE", self.baseline)]
        candidates += [(f"GOOD_STARTS[{i}]", start) for i, start in enumerate(self.good_starts)]
        starts = [self._resolve(label, values, data) for label, values in candidates]
        if self.shares:
            starts[1:2] = [{**start, "fakes": max(self.shares)} for start in starts[1:2]]
        return tuple(starts)

    def fitting(self, offered: Values, data: DataInfo) -> dict[str, Value]:
        """Return what this space can take of another one's hyperparameters.

        Args:
            offered: Values by name.
            data: The data of this search.

        Returns:
            Those that exist here and are in range, by their names in the study.
        """
        from automl_sem.spaces.hyperparameters import OfferedHyperParameters

        hp = OfferedHyperParameters(offered)
        self.recipe(hp, data, self.build(hp, data))
        return {name: value for name, value in hp.taken.items() if name not in self.settled}

    def _call(self, function: Callable[..., Any], hp: Any, data: DataInfo) -> Any:
        further = list(inspect.signature(function).parameters.values())[1:]
        takes_data = any(p.default is p.empty or p.name == "data" for p in further)
        return function(hp, replace(data, weights=self.weights)) if takes_data else function(hp)

    def _resolve(self, label: str, values: Values, data: DataInfo) -> dict[str, Value]:
        from automl_sem.spaces.collisions import GivenHyperParameters

        hp = GivenHyperParameters(self.path, values)
        try:
            self.recipe(hp, data, self.build(hp, data))
        except UserError:
            raise
        except Exception as error:
            if given_up(error):  # in a search its trial says why, and the others go on
                return {study_name(h): study_value(h, hp.values[h.name]) for h in hp.space}
            raise UserError(
                f"{label} cannot be built: {one_line(error)}", where=line_of(error, self.path)
            ) from error
        if hp.collisions:
            raise hp.collisions[0].error()
        where = f"{label} in {self.path}"
        active = {h.name: h for h in hp.space if hp.is_active(h)}
        for name, value in values.items():
            if name not in active:
                raise UserError(
                    f"no hyperparameter {name!r} is active in it",
                    where=where,
                    hint=did_you_mean(name, active),
                )
            if not in_range(active[name], value):
                raise UserError(f"{name}={value!r} is out of range", where=where)
        complete = label == "BASELINE"
        return {
            study_name(h): study_value(h, hp.values[name])
            for name, h in active.items()
            if (complete or name in values)
            and name not in self.settled
            and type(h).__name__ != "Fixed"
        }


def generates(model: Any) -> bool:
    """Whether a model is a `Gan`."""
    import sys

    # Whoever has made one has imported its module, which takes TensorFlow.
    module = sys.modules.get("automl_sem.gans.model")
    return module is not None and isinstance(model, module.Gan)


def sizes(gan: Any) -> dict[str, int]:
    """Return the number of weights of each network of a `Gan`, by its name."""
    networks = {"generator": gan.generator, "discriminator": gan.discriminator}
    return {name: int(network.count_params()) for name, network in networks.items()}


def _refuse_generator(shape: Any, where: str) -> None:
    """Raise a UserError if a model's output has the shape of images."""
    if isinstance(shape, tuple) and len(shape) == 4:
        raise UserError(
            f"the model's output has the shape of images, {shape}",
            where=where,
            hint="A generator alone cannot learn: return Gan(generator, discriminator, latent_dim)",
        )


def _check_gan(gan: Any, data: DataInfo, where: str) -> None:
    """Raise a UserError if a GAN does not draw images as the data are."""
    if is_compiled(gan):
        raise UserError(
            "it returned a compiled GAN",
            where=where,
            hint="Leave compile() out; say the optimizer in recipe(hp, data)",
        )
    if data.kind != "images":
        raise UserError(f"a GAN draws images, but the data are {data.kind}", where=where)
    if gan.image_shape != tuple(data.input_shape):
        raise UserError(
            f"its images have shape {gan.image_shape}, those of the data {data.input_shape}",
            where=where,
            hint="Make both networks by data.input_shape",
        )


def _with_steps(recipe: GanRecipe, fixed: Mapping[str, int], data: DataInfo) -> GanRecipe:
    """Return a recipe with the fields that flags fix; epochs become steps."""
    recipe = replace(recipe, batch_size=fixed.get("batch_size", recipe.batch_size))
    if "epochs" in fixed:
        steps = math.ceil(data.n_train / recipe.batch_size)
        recipe = replace(recipe, steps=fixed["epochs"] * steps)
    return recipe


def line_of(error: BaseException, path: Path) -> str:
    """Return `FILE:LINE` of the last line in a file that an error came through."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    return f"{path}:{frames[-1].lineno}" if frames else str(path)
