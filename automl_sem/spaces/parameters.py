"""How a KerasTuner hyperparameter is drawn, named and checked in an Optuna study."""

from __future__ import annotations

from typing import Any, Protocol

from automl_sem.errors import UserError

Value = bool | int | float | str


class Suggester(Protocol):
    """The part of `optuna.Trial` that hands out values."""

    def suggest_categorical(self, name: str, choices: list[Any], /) -> Any:
        """Return one of the choices."""

    def suggest_int(self, name: str, low: int, high: int, /, *, step: int, log: bool) -> int:
        """Return a whole number from low to high."""

    def suggest_float(
        self, name: str, low: float, high: float, /, *, step: float | None, log: bool
    ) -> float:
        """Return a number from low to high."""


def suggest(trial: Suggester, hp: Any) -> Value:
    """Draw a value for a KerasTuner hyperparameter from an Optuna trial.

    Raises:
        UserError: If the hyperparameter is of a kind that has no counterpart.
    """
    name = study_name(hp)
    kind = type(hp).__name__
    if kind == "Fixed":
        return hp.value  # type: ignore[no-any-return]
    if kind == "Boolean":
        return bool(trial.suggest_categorical(name, [False, True]))
    if kind == "Choice":
        return trial.suggest_categorical(name, list(hp.values))  # type: ignore[no-any-return]
    if kind not in ("Int", "Float"):
        raise UserError(f"unknown kind of hyperparameter {kind}", where=f"hyperparameter {hp.name}")
    if _drawn_as_probability(hp):
        return from_study(hp, trial.suggest_float(name, 0.0, 1.0, step=None, log=False))
    log = hp.sampling == "log"
    if kind == "Int":
        return trial.suggest_int(name, hp.min_value, hp.max_value, step=hp.step or 1, log=log)
    return trial.suggest_float(name, hp.min_value, hp.max_value, step=hp.step, log=log)


def _drawn_as_probability(hp: Any) -> bool:
    """Optuna has no reverse_log and no log with step: both are maps of a uniform probability."""
    sampling = getattr(hp, "sampling", None)
    return sampling == "reverse_log" or (sampling == "log" and hp.step is not None)


def study_value(hp: Any, value: Value) -> Value:
    """Return how the study records a hyperparameter's value."""
    return float(hp.value_to_prob(value)) if _drawn_as_probability(hp) else value


def from_study(hp: Any, recorded: Any) -> Value:
    """Return the value of a hyperparameter that a study records: `study_value` undone."""
    if not _drawn_as_probability(hp):
        return recorded  # type: ignore[no-any-return]
    value = hp.prob_to_value(min(recorded, 1.0 - 1e-9))
    return int(value) if type(hp).__name__ == "Int" else float(value)


def study_name(hp: Any) -> str:
    """Return the parameter's name in the study: its own, qualified by its conditions.

    The same name may stand in several branches with other ranges, which Optuna
    refuses for one name.
    """
    if not hp.conditions:
        return str(hp.name)
    conditions = ",".join(f"{c.name}={'|'.join(str(v) for v in c.values)}" for c in hp.conditions)
    return f"{hp.name}[{conditions}]"


def in_range(hp: Any, value: object) -> bool:
    """Whether a hyperparameter can take a value."""
    kind = type(hp).__name__
    if kind == "Boolean":
        return isinstance(value, bool)
    if kind == "Choice":
        return any(value == v and isinstance(value, bool) == isinstance(v, bool) for v in hp.values)
    if kind == "Fixed":
        return bool(value == hp.value)
    whole = isinstance(value, int) and not isinstance(value, bool)
    number = whole or (kind == "Float" and isinstance(value, float))
    return number and hp.min_value <= value <= hp.max_value


def takes(hp: Any, value: Value) -> bool:
    """Whether a hyperparameter could have drawn a value itself: in range and on its steps."""
    if not in_range(hp, value):
        return False
    step = getattr(hp, "step", None)
    if step is None or hp.sampling == "log" or isinstance(value, bool | str):
        return True
    steps = (value - hp.min_value) / step
    return bool(abs(steps - round(steps)) < 1e-8)


def probes(hp: Any) -> list[Value]:
    """Return all values of a choice; of a number the lowest, one in the middle, the highest."""
    if type(hp).__name__ == "Boolean":
        return [False, True]
    if type(hp).__name__ == "Choice":
        return list(dict.fromkeys(hp.values))
    return list(dict.fromkeys(hp.prob_to_value(p) for p in (0.0, 0.5, 1.0 - 1e-9)))
