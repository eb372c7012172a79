"""A run, to look at and to go on with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl_sem.backend import use_tensorflow
from automl_sem.errors import NegativeResult, UserError
from automl_sem.finalists import Verdict
from automl_sem.pareto import parse_pick
from automl_sem.results import Results, Standing, TrialRecord, read_results
from automl_sem.run import RunDirectory
from automl_sem.session import write_report
from automl_sem.unchanged import snapshot_of, unchanged_dataset

if TYPE_CHECKING:
    import pandas as pd

    from automl_sem.api.tuner import TunerResults
    from automl_sem.export import ExportResult


class Run:
    """A search on disk, to look at and to go on with.

    Args:
        directory: The run directory.
    """

    def __init__(self, directory: RunDirectory) -> None:
        self.directory = directory

    def __repr__(self) -> str:
        """Return where it is."""
        return f"Run({str(self.path)!r})"

    @property
    def path(self) -> Path:
        """The run directory."""
        return self.directory.path

    @property
    def results(self) -> Results:
        """Everything found so far."""
        return read_results(self.directory)

    @property
    def best(self) -> Standing:
        """The best trial with its score.

        Raises:
            NegativeResult: If no trial is complete.
        """
        return self.results.require_best()

    @property
    def baseline(self) -> Standing | None:
        """Trial 0, the textbook model, or None if it is not complete."""
        return self.results.baseline

    @property
    def verdict(self) -> Verdict | None:
        """Best against baseline on fresh folds, or None while unfinished."""
        return self.results.verdict

    def trials_dataframe(self) -> pd.DataFrame:
        """Return one row per trial: score, state, recipe and hyperparameters."""
        import pandas as pd

        share_name = self.directory.manifest.words.share_name
        rows = [
            {
                "trial": t.number,
                "state": t.state,
                "proposed_by": t.proposed_by,
                "objective": t.quoted,
                **t.costs,
                **t.values,
                **_shown(t, share_name),
                "stress_accuracy": t.stress_accuracy,
                "parameters": t.parameters,
                "seconds": t.seconds,
                "reason": t.reason,
                **{f"fold_{i}": score for i, score in enumerate(t.quoted_folds)},
                **{f"hp_{name}": value for name, value in t.hyperparameters.items()},
            }
            for t in self.results.trials
        ]
        return pd.DataFrame(rows)

    def pick(self, how: str = "best") -> int:
        """Return the number of a trial that the whole of the run speaks for.

        Args:
            how: `"best"`; `"knee"`, where the front of score and cost bends; or
                `"smallest-within-1se"`, that with the fewest weights within one standard error
                of the best.

        Raises:
            UserError: If there is no such pick.
            NegativeResult: If no trial is complete.
        """
        results = self.results
        results.require_best()
        return results.picks[parse_pick(how)]

    @property
    def study(self) -> Any:
        """The run as an `optuna.Study`, to look at: plots, importances, dataframes.

        It follows a search that is under way, and cannot change it: what would write is refused.

        Raises:
            NegativeResult: If there is no trial yet.
        """
        study = self.directory.read_study()
        if study is None:
            raise NegativeResult("there is no trial yet", where=self.path)
        return study

    @property
    def storage(self) -> Any:
        """The storage of that study: `optuna_dashboard.run_server(run.storage)` shows it."""
        return self.directory.read_storage()

    def tuner_results(self) -> TunerResults:
        """Return the results by the names that KerasTuner gives them."""
        from automl_sem.api.tuner import TunerResults

        return TunerResults(self)

    def export(
        self,
        trial: int | None = None,
        *,
        formats: Sequence[str] = ("keras", "saved-model"),
        gpus: str | int = "all",
        force: bool = False,
        say: Callable[[str], None] | None = None,
    ) -> ExportResult:
        """Retrain a trial on all training data, export it and verify the export.

        Args:
            trial: Number of the trial; the best by default.
            formats: What to write: `"keras"`, `"saved-model"`.
            gpus: `"all"`, or how many; 0 trains on the CPU.
            force: Retrain even if the export is there already.
            say: Called with a line for people now and then.

        Raises:
            UserError: If the trial, a format or the data is not there.
            NegativeResult: If an export does not give the same predictions.
        """
        from automl_sem.export import export_gan, export_trial

        results = self.results
        if not results.finished and say is not None:
            say("the search is not finished: `automl-sem resume` goes on with it")
        record = results.require_best().trial if trial is None else results.trial(trial)
        use_tensorflow()
        dataset = unchanged_dataset(self.directory)
        space = snapshot_of(self.directory)
        with self.directory.lock():
            make = export_gan if self.directory.manifest.generates else export_trial
            exported = make(
                self.directory,
                results,
                dataset,
                space,
                record,
                formats=tuple(formats),
                gpus=gpus,
                force=force,
                say=say or (lambda _: None),
            )
            write_report(self.results, dataset)
        return exported

    def report(self) -> Path:
        """Write `report.html` anew and return its path."""
        try:
            dataset = unchanged_dataset(self.directory)
        except UserError:
            dataset = None
        return write_report(self.results, dataset)


def _shown(trial: TrialRecord, share_name: str) -> dict[str, float | None]:
    """Return what people are shown of a trial's score."""
    if share_name in ("accuracy", "coverage"):
        return {"log_loss": trial.log_loss, "accuracy": trial.accuracy}
    return {share_name: trial.share, **trial.measures}
