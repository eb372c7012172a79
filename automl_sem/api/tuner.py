"""What users of KerasTuner ask of a tuner after its search, answered by a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from automl_sem.backend import use_tensorflow
from automl_sem.errors import UserError
from automl_sem.results import TrialRecord
from automl_sem.unchanged import snapshot_of, unchanged_dataset

if TYPE_CHECKING:
    from automl_sem.api.run import Run


class TunerResults:
    """The results of a run by the names that KerasTuner's `Tuner` gives them.

    https://keras.io/keras_tuner/api/tuners/base_tuner/

    Args:
        run: The run.
    """

    def __init__(self, run: Run) -> None:
        self._run = run

    def get_best_hyperparameters(self, num_trials: int = 1) -> list[Any]:
        """Return the `keras_tuner.HyperParameters` of the best trials, best first.

        The space's `build` makes the same model of each.

        Args:
            num_trials: How many; fewer where fewer have a score.
        """
        use_tensorflow()
        import keras_tuner

        space = snapshot_of(self._run.directory)
        info = unchanged_dataset(self._run.directory).info
        found = []
        for trial in self._best(num_trials):
            hp = keras_tuner.HyperParameters()
            hp.values = dict(trial.hyperparameters)
            space.recipe(hp, info, space.build(hp, info))
            found.append(hp)
        return found

    def get_best_models(self, num_models: int = 1, gpus: str | int = "all") -> list[Any]:
        """Return the models of the best trials, trained on all training data, best first.

        A search keeps no weights: it trains each candidate k times on parts of the data. So each
        model costs one training on all of them, as `export` does it, unless it was exported or
        asked for before; the run keeps the weights. The test part is not looked at.

        Args:
            num_models: How many; fewer where fewer have a score.
            gpus: `"all"`, or how many GPUs to train on; 0 is the CPU.

        Returns:
            Keras models, uncompiled, which take examples as they were given, preprocessing
            included, and return probabilities of the classes or labels, or numbers in their units.

        Raises:
            UserError: If the run searched for a GAN, or the data are gone.
            NegativeResult: If a training diverges.
        """
        from automl_sem.export import trained_model

        directory = self._run.directory
        if directory.manifest.generates:
            hint = "`run.export(trial)` trains a GAN"
            raise UserError("a GAN is no model that classifies", where=directory.path, hint=hint)
        use_tensorflow()
        space, dataset = snapshot_of(directory), unchanged_dataset(directory)
        with directory.lock():
            return [
                trained_model(directory, dataset, space, trial, gpus=gpus)
                for trial in self._best(num_models)
            ]

    def results_summary(self, num_trials: int = 10) -> None:
        """Print the best trials with their hyperparameters and scores.

        Args:
            num_trials: How many.
        """
        trials = self._best(num_trials)
        recorded = {trial.number: trial for trial in self._run.study.trials}
        lines = [
            "Results summary",
            f"Results in {self._run.path}",
            f"Showing {len(trials)} best trials",
            self._objectives(),
        ]
        for trial in trials:
            lines += ["", f"Trial {trial.number} summary", "Hyperparameters:"]
            lines += [f"{name}: {value}" for name, value in trial.hyperparameters.items()]
            lines += [f"Score: {', '.join(map(str, recorded[trial.number].values))}"]
        print("\n".join(lines))

    def _objectives(self) -> str:
        """Return what is best, as KerasTuner says it."""
        goals = self._run.results.goals
        said = [f'Objective(name="{g.name}", direction="{g.direction[:3]}")' for g in goals]
        return ", ".join(said)

    def _best(self, count: int) -> list[TrialRecord]:
        """Return the best trials: the one that won on the fresh folds, then by their scores."""
        results = self._run.results
        first = results.require_best().trial
        others = [trial for trial in results.complete if trial.number != first.number]
        return [first, *others][:count]
