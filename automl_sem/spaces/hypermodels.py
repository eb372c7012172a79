"""Space files written for KerasTuner: which hypermodel a file means, and how it is loaded.

https://keras.io/keras_tuner/api/hypermodels/base_hypermodel/
"""

from __future__ import annotations

import ast
import contextlib
import functools
import inspect
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from automl_sem.errors import UserError

# What KerasTuner's and TensorFlow's guides call the function that builds a model.
BUILD_NAMES = ("build", "build_model", "model_builder")
LEGACY = "TF_USE_LEGACY_KERAS"
OLD_KERAS = "it is Keras 2, and automl-sem trains Keras 3"
# Found out with KerasTuner 1.4.8 and Keras 3.15: its own tuner fails with this error.
RAND_AUGMENT = (
    'which makes layers while it is called: KerasTuner itself stops with "ValueError: tf.function '
    'only supports singleton tf.Variables created on the first call". '
    "HyperImageAugment(..., augment_layers=0) does without it"
)
NEW_IMPORTS = "Import keras in its place, and build the model of keras.layers"


def build_and_fit(
    module: ModuleType, path: Path
) -> tuple[Callable[..., Any], Callable[..., Any] | None]:
    """Return what a space file builds models with, and trains them with if it does so itself.

    That is a function of the file, or else the `build` of a hypermodel: of an instance at module
    level, whatever its name, or of a class of the file that can be made without arguments.

    Args:
        module: The file, run.
        path: Its path, for people.

    Returns:
        The function, and the `fit(hp, model, ...)` that a hypermodel has in place of KerasTuner's,
        or None.

    Raises:
        UserError: If there is none, or nobody can tell which one is meant.
    """
    import keras_tuner

    for name in BUILD_NAMES:
        function = getattr(module, name, None)
        if callable(function) and not inspect.isclass(function):
            return function, None
    hypermodel = _hypermodel(module, path)

    def build(hp: Any) -> Any:
        hypermodel.declare_hyperparameters(hp)
        return hypermodel.build(hp)

    own = type(hypermodel).fit is not keras_tuner.HyperModel.fit
    return build, hypermodel.fit if own else None


def _hypermodel(module: ModuleType, path: Path) -> Any:
    """Return the one hypermodel of a file."""
    import keras_tuner

    values = {name: v for name, v in vars(module).items() if not name.startswith("__")}
    of_kind: Any = keras_tuner.HyperModel
    made = {name: v for name, v in values.items() if isinstance(v, of_kind)}
    # An augmentation that another one holds is a part of that one.
    parts = {id(v) for one in made.values() for v in vars(one).values() if isinstance(v, of_kind)}
    found = {id(v): (name, v) for name, v in made.items() if id(v) not in parts}
    if not found:
        tuners = [
            v for v in values.values() if isinstance(v, keras_tuner.engine.base_tuner.BaseTuner)
        ]
        found = {id(t.hypermodel): ("tuner", t.hypermodel) for t in tuners if t.hypermodel}
    if len(found) == 1:
        name, hypermodel = next(iter(found.values()))
        if isinstance(hypermodel, keras_tuner.applications.HyperImageAugment):
            raise UserError(
                "a HyperImageAugment only changes images, it tells no classes apart",
                where=path,
                hint=f"Give it to HyperEfficientNet(..., augmentation_model={name})",
            )
        return hypermodel
    if not found:
        classes = [
            v
            for v in values.values()
            if inspect.isclass(v) and issubclass(v, of_kind) and v.__module__ == module.__name__
        ]
        leaves = [v for v in classes if not any(o is not v and issubclass(o, v) for o in classes)]
        if len(leaves) == 1:
            return _instance(leaves[0], path)
        found = {id(v): (v.__name__, v) for v in leaves}
    if not found:
        raise UserError(
            "the space has no function build(hp, data)",
            where=path,
            hint="See `automl-sem spaces` for examples to copy; a KerasTuner build(hp) or "
            "HyperModel works too",
        )
    names = ", ".join(sorted(name for name, _ in found.values()))
    raise UserError(
        f"it has {len(found)} hypermodels ({names}), and nobody can tell which one to search",
        where=path,
        hint="Leave one at module level, or name it: def build(hp): return HYPERMODEL.build(hp)",
    )


def _instance(kind: Any, path: Path) -> Any:
    needed = [
        parameter.name
        for parameter in inspect.signature(kind).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    if needed:
        raise UserError(
            f"the hypermodel {kind.__name__} needs arguments ({', '.join(needed)})",
            where=path,
            hint=f"Make one in the file: hypermodel = {kind.__name__}({needed[0]}=...)",
        )
    return kind()


def refuse_old_keras(source: str, path: Path) -> None:
    """Raise a UserError if a file needs Keras 2, or what KerasTuner was called in its time.

    Args:
        source: Its text, which is valid Python.
        path: Its path, for people.
    """
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        roots = {name.partition(".")[0] for name in names}
        where = f"{path}:{getattr(node, 'lineno', 1)}"
        if isinstance(node, ast.Constant) and node.value == LEGACY:
            raise UserError(f"the space sets {LEGACY}: {OLD_KERAS}", where=where, hint=NEW_IMPORTS)
        if "tf_keras" in roots:
            raise UserError(
                f"the space imports tf_keras: {OLD_KERAS}", where=where, hint=NEW_IMPORTS
            )
        if "kerastuner" in roots:
            raise UserError(
                "the space imports kerastuner, a name of KerasTuner that is no more",
                where=where,
                hint="Import keras_tuner",
            )


@contextlib.contextmanager
def loading() -> Iterator[None]:
    """Let a file be run that makes a KerasTuner tuner, but not one that starts its search.

    A tuner made meanwhile keeps its files in a folder that is gone afterwards, in place of one
    beside the person's files.

    Raises:
        SearchStarted: If it starts a search.
    """
    import keras_tuner

    base: Any = keras_tuner.engine.base_tuner.BaseTuner
    make, explore, search = base.__init__, base._populate_initial_space, base.search
    with tempfile.TemporaryDirectory(prefix="automl-sem-tuner-") as folder:

        @functools.wraps(make)
        def make_elsewhere(self: Any, *args: Any, **options: Any) -> None:
            given = inspect.signature(make).bind(self, *args, **options)
            given.arguments["directory"] = folder
            make(*given.args, **given.kwargs)

        def refuse(*_: Any, **__: Any) -> None:
            raise SearchStarted

        base.__init__, base.search = make_elsewhere, refuse
        base._populate_initial_space = lambda self: None  # noqa: ARG005 (it would build models)
        try:
            yield
        finally:
            base.__init__, base._populate_initial_space, base.search = make, explore, search


class SearchStarted(BaseException):
    """A file began a search of its own while it was loaded."""


def _is_rand_augment(layer: Any) -> bool:
    kind = type(layer)
    return kind.__name__ == "RandAugment" and kind.__module__.startswith("keras_tuner.")


def check_is_keras(model: Any, where: str) -> None:
    """Raise a UserError if what a space built is no model that this Keras can train.

    Args:
        model: What it returned.
        where: The function, for people.
    """
    import keras

    if isinstance(model, keras.Model):
        if any(_is_rand_augment(layer) for layer in model._flatten_layers()):
            raise UserError(f"it has KerasTuner's layer RandAugment, {RAND_AUGMENT}", where=where)
        return
    name = f"{type(model).__module__.partition('.')[0]}.{type(model).__name__}"
    if any(base.__module__.partition(".")[0] == "tf_keras" for base in type(model).__mro__):
        raise UserError(f"it returned a {name}: {OLD_KERAS}", where=where, hint=NEW_IMPORTS)
    raise UserError(
        f"it must return a keras.Model, but returned {type(model).__name__}", where=where
    )
