"""The loop itself, with made-up scores: order, discards, deaths of workers, kills and resumes."""

import random
from dataclasses import replace

import numpy as np
import pytest

from automl_sem.engines.make import EngineChoice, make_engine, open_engine
from automl_sem.manifest import Manifest
from automl_sem.run import RunDirectory
from automl_sem.search_loop import Limits, search_loop
from automl_sem.spaces.load import load_space
from automl_sem.types import Candidate, FoldResult, Outcome, Recipe
from automl_sem.workers.base import FoldDone
from automl_sem.workers.evaluate import ATTEMPTS, Evaluation

FOLDS, TRIALS = 4, 14
OPTUNA = EngineChoice()


class Killed(BaseException):
    """The process dies here."""


class MadeUpPool:
    """Slots that end their fold fits in a random order, as real workers do.

    Args:
        slots: How many.
        timing: Seed of the order in which fold fits end.
        kill_after: Fold fits after which the whole search dies.
        deaths: (trial, fold) -> how often its worker dies first.
        hopeless: A trial with a bad score on every fold.
    """

    def __init__(self, slots, timing=0, kill_after=None, deaths=None, hopeless=None):
        self.slots = slots
        self.submitted = []
        self._under_way = {}
        self._rng = random.Random(timing)
        self._left = kill_after
        self._deaths = dict(deaths or {})
        self._hopeless = hopeless

    def submit(self, slot, task):
        assert slot not in self._under_way
        assert slot < self.slots
        self._under_way[slot] = task
        self.submitted.append((task.candidate.trial, task.fold))

    def wait(self):
        if self._left is not None:
            if self._left == 0:
                raise Killed
            self._left -= 1
        # The last slot is faster than the others.
        slot = self._rng.choice([*self._under_way, max(self._under_way)])
        task = self._under_way.pop(slot)
        key = task.candidate.trial, task.fold
        if self._deaths.get(key, 0):
            self._deaths[key] -= 1
            return FoldDone(slot, died="killed by SIGKILL")
        values = {"units": 9, "rate": 0.02, **task.candidate.values}
        if values["units"] == 13:
            return FoldDone(slot, outcome=Outcome("diverged", "NaN"))
        noise = np.random.default_rng([task.fold, values["units"]]).normal(0, 0.3)
        loss = abs(values["units"] - 9) + abs(np.log(values["rate"] / 0.02)) + 1 + noise
        loss = 20.0 if task.candidate.trial == self._hopeless else loss
        probabilities = np.full((len(task.held_out), 3), 1 / 3, np.float32)
        return FoldDone(slot, FoldResult(task.fold, task.held_out, probabilities, loss, 0.5))


class Silent:
    """A listener that keeps the order of events."""

    def __init__(self):
        self.events = []
        self.notes = []

    def trial_started(self, candidate, folds_done):
        self.events.append(("started", candidate.trial))

    def fold_done(self, candidate, result):
        pass

    def trial_done(self, candidate, outcome):
        self.events.append((outcome.status, candidate.trial))

    def planned(self, folds, fresh):
        pass

    def fresh_fold_done(self, entry, result):
        pass

    def fresh_done(self, entry):
        pass

    def note(self, line):
        self.notes.append(line)


@pytest.fixture
def search(tmp_path, tiny_space, stripes):
    """Search with made-up scores in a run directory of that name; again goes on with it."""
    space = load_space(tiny_space)

    def go(pool, name="run", window=1, discard="none", trials=TRIALS, choice=OPTUNA, by=space):
        path = tmp_path / name
        if path.exists():
            run = RunDirectory(path)
        else:
            manifest = Manifest(
                created="", seed=3, folds=FOLDS, trials=trials, window=window, discard=discard,
                space={}, data={},
            )  # fmt: skip
            splits = {"search": np.arange(60) % FOLDS}
            run = RunDirectory.create(path, manifest, space.source, splits)
        study, listener = run.open_study(), Silent()
        starts = by.starts(stripes.info)
        engine = open_engine(make_engine(choice), study, by, stripes.info, 3, starts)
        limits = Limits(trials, None, lambda: 0.0)
        search_loop(run, engine, pool, limits, listener, keep_time=lambda: None)
        return record(study), listener, study

    return go


def test_time_is_kept_for_what_comes_after_the_search():
    def over(clock, checks):  # 5 folds of 2 s a trial, by two slots
        return Limits(100, 60.0, lambda: clock, checks).reached(4, [2.0], 5, 2)

    # One more trial, and both finalists at a time: 20 s.
    assert (over(39, 0), over(41, 0)) == (False, True)
    # One or two checks at a time: 10 s more; many: not more than 20 s.
    assert (over(29, 1), over(31, 1)) == (False, True)
    assert (over(29, 2), over(31, 2)) == (False, True)
    assert (over(19, 11), over(21, 11)) == (False, True)


def test_candidates_that_count_for_nothing_take_time_all_the_same():
    limits = Limits(3, 60.0, lambda: 61.0)
    assert not limits.reached(0, [], 5, 2)  # the baseline is tried in any case
    assert limits.reached(9, [], 5, 2, infeasible=9)
    assert not Limits(3, None, lambda: 61.0).reached(9, [2.0], 5, 2, infeasible=7)
    assert Limits(3, None, lambda: 61.0).reached(9, [2.0], 5, 2, infeasible=6)


def test_what_is_left_of_the_time_has_room_for_so_many_candidates():
    assert Limits(100, 60.0, lambda: 25.0).room(10.0, 2) == 6
    assert Limits(100, 60.0, lambda: 70.0).room(10.0, 2) == 0
    assert Limits(100, None, lambda: 70.0).room(10.0, 2) == float("inf")


def record(study):
    return [
        (t.number, t.state.name, t.params, t.values, t.user_attrs, t.intermediate_values)
        for t in study.trials
    ]


@pytest.mark.parametrize("discard", ["none", "forgiving", "paired"])
@pytest.mark.parametrize("slots", [2, 3])
def test_a_reproducible_search_gives_the_same_study_whatever_the_timing(search, slots, discard):
    studies = [
        search(MadeUpPool(slots, timing), f"run{timing}", window=slots, discard=discard)[0]
        for timing in range(4)
    ]
    assert all(study == studies[0] for study in studies)
    assert len(studies[0]) == TRIALS


def test_without_it_timing_does_matter(search):
    studies = [search(MadeUpPool(3, t), f"run{t}", window=None)[0] for t in range(4)]
    assert any(study != studies[0] for study in studies)


def test_one_slot_asks_when_all_before_are_told(search):
    _, listener, _ = search(MadeUpPool(1))
    kinds = [kind == "started" for kind, _ in listener.events]
    assert kinds == [True, False] * TRIALS


def test_a_reproducible_search_on_fewer_slots_is_the_same(search):
    wide, _, _ = search(MadeUpPool(3), "wide", window=3, discard="forgiving")
    narrow, _, _ = search(MadeUpPool(1), "narrow", window=3, discard="forgiving")
    assert wide == narrow


@pytest.mark.parametrize("discard", ["none", "forgiving"])
@pytest.mark.parametrize("slots", [1, 2, 3])
def test_killed_at_any_moment_it_goes_on_to_the_same_study(search, slots, discard):
    whole, _, _ = search(MadeUpPool(slots), "whole", window=slots, discard=discard)
    rng, kills = random.Random(slots), 0
    while True:
        pool = MadeUpPool(slots, rng.random(), kill_after=rng.randint(0, 6))
        try:
            killed, _, _ = search(pool, "killed", window=slots, discard=discard)
            break
        except Killed:
            kills += 1
    assert kills >= 4
    assert killed == whole


def test_no_finished_fold_is_trained_again(search):
    first, second = MadeUpPool(2, kill_after=9), MadeUpPool(2)
    with pytest.raises(Killed):
        search(first, window=None)
    search(second, window=None)
    finished = len(first.submitted) - len(first._under_way)
    done = [fold for fold in first.submitted if fold not in second.submitted]
    assert len(done) == finished == 9


def test_all_folds_of_a_candidate_are_trained_on_one_slot_in_order(search):
    pool = MadeUpPool(3)
    search(pool, window=None, trials=6)
    for trial in range(6):
        folds = [fold for number, fold in pool.submitted if number == trial]
        assert folds == list(range(len(folds)))


def test_a_hopeless_candidate_is_recorded_with_its_partial_mean(search):
    study = search(MadeUpPool(1), discard="forgiving")[2]
    discarded = [t for t in study.trials if t.user_attrs.get("status") == "discarded"]
    assert discarded
    for trial in discarded:
        scores = trial.user_attrs["score"]["fold_scores"]
        assert trial.state.name == "PRUNED"
        assert 1 <= len(scores) < FOLDS
        assert list(trial.intermediate_values) == list(range(len(scores)))
        assert trial.value == pytest.approx(np.mean(scores))
        earlier = [t for t in study.trials[: trial.number] if t.state.name == "COMPLETE"]
        worst = max(min(earlier, key=lambda t: t.value).user_attrs["score"]["fold_scores"])
        assert np.mean(scores) > worst
        assert all(np.mean(scores[:n]) <= worst for n in range(1, len(scores)))
    assert study.best_trial.state.name == "COMPLETE"


def test_the_baseline_is_never_discarded(search):
    for timing in range(6):
        pool = MadeUpPool(3, timing, hopeless=0)
        study = search(pool, f"run{timing}", None, "forgiving", trials=9)[2]
        assert study.trials[0].state.name == "COMPLETE"


def test_a_candidate_whose_worker_died_is_tried_once_more(search):
    pool = MadeUpPool(2, deaths={(3, 2): 1})
    study, listener, _ = search(pool, window=2)
    undisturbed, _, _ = search(MadeUpPool(2), "other", window=2)
    assert study == undisturbed
    assert pool.submitted.count((3, 2)) == 2
    assert pool.submitted.count((3, 1)) == 1
    assert listener.notes == ["trial 3: a worker ended, killed by SIGKILL"]


def test_a_candidate_that_kills_every_worker_fails_and_the_search_goes_on(search):
    pool = MadeUpPool(2, deaths={(2, 1): 99})
    study = search(pool, window=2)[2]
    assert study.trials[2].state.name == "FAIL"
    assert "ended 2 times (killed by SIGKILL)" in study.trials[2].user_attrs["reason"]
    assert pool.submitted.count((2, 1)) == ATTEMPTS
    assert len(study.trials) == TRIALS


class Noting(MadeUpPool):
    """Has the same to say of every fold."""

    def wait(self):
        return replace(super().wait(), note="trained by Keras's fit")


def test_what_holds_for_all_candidates_is_said_once_and_logged_for_each(search, tmp_path):
    _, listener, study = search(Noting(3), window=None)
    assert [line.endswith("trained by Keras's fit") for line in listener.notes] == [True]
    logged = (tmp_path / "run" / "run.log").read_text().splitlines()
    logged = [line.split(" ", 1)[1] for line in logged if "Keras's fit" in line]
    trained = range(len(study.trials))
    assert sorted(logged) == sorted(f"trial {n}: trained by Keras's fit" for n in trained)


class ShortOfMemory(MadeUpPool):
    """Loses a worker to the system once, and gives up its last slot for it."""

    def wait(self):
        if len(self.submitted) > 6 and self.slots == 3:
            slot = min(self._under_way)
            del self._under_way[slot]
            self.slots = 2
            return FoldDone(slot, died="killed by SIGKILL", blameless=True)
        done = super().wait()
        self.slots_seen = {*getattr(self, "slots_seen", ()), done.slot}
        return done


def test_when_memory_is_short_fewer_slots_go_on_and_no_candidate_is_blamed(search):
    pool = ShortOfMemory(3, deaths={(trial, 3): 1 for trial in range(TRIALS)})
    studies = search(pool, window=3)[0], search(MadeUpPool(2), "undisturbed", 3)[0]
    # Its own death is forgiven once; the one for lack of memory was not its own.
    assert studies[0] == studies[1]
    assert pool.slots == 2
    assert pool.slots_seen == {0, 1, 2}
    done = [key for key in pool.submitted if key[1] == 0]
    assert len(done) <= TRIALS + 1  # a candidate that changes its slot goes on where it was


def test_a_rule_compares_the_same_folds_where_a_fold_file_was_lost():
    def result(fold, loss):
        return FoldResult(fold, np.zeros(1, int), np.ones((1, 2), np.float32) / 2, loss, 0.5)

    # As good on every fold, but those that are there are the hard ones.
    incumbent = (0.1, 0.1, 0.1, 9.0, 9.1, 9.2)
    done = {fold: result(fold, incumbent[fold]) for fold in (3, 4, 5)}
    candidate, folds = Candidate(1, {}, Recipe(), 0, "model"), np.arange(12) % 6
    go_on = Evaluation(candidate, folds, done, 0, "paired", lambda: incumbent)
    assert go_on.outcome is None
    assert go_on.next_task().fold == 0
    worse = {fold: result(fold, incumbent[fold] + 1 + fold / 100) for fold in range(3)}
    discarded = Evaluation(candidate, folds, worse, 0, "paired", lambda: incumbent)
    assert discarded.outcome.status == "discarded"


@pytest.fixture
def few(tmp_path):
    """A space of six candidates."""
    path = tmp_path / "few.py"
    path.write_text(
        "from keras import Model, Input, layers\n"
        "def build(hp, data):\n"
        "    x = inputs = Input(data.input_shape)\n"
        "    x = layers.Dense(hp.Int('units', 1, 6))(layers.Flatten()(x))\n"
        "    return Model(inputs, layers.Dense(data.classes, activation='softmax')(x))\n"
    )
    return load_space(path)


@pytest.mark.parametrize("window", [None, 3])
def test_a_candidate_is_trained_once_even_if_it_is_asked_for_twice_at_a_time(search, few, window):
    pool = MadeUpPool(3)
    study, listener, trials = search(pool, window=window, trials=100, by=few)
    repeated = {number: first for kind, number in listener.events if kind == "repeated"
                for first in [trials.trials[number].user_attrs["repeats"]]}  # fmt: skip
    units = [t.params["units"] for t in trials.trials if t.number not in repeated]
    assert sorted(units) == sorted(set(units))
    assert {trial for trial, _ in pool.submitted} == {*range(len(study))} - {*repeated}
    assert all(
        trials.trials[n].value == trials.trials[first].value for n, first in repeated.items()
    )
    # Fifty in a row say that there are no others.
    assert 50 < len(study) < 100
    assert listener.notes[-1].startswith("Optuna's tpe sampler has no more candidates after ")


def test_a_space_of_which_nothing_can_be_built_any_more_comes_to_an_end(search, few, tmp_path):
    source = few.path.read_text().replace(
        "def build(hp, data):\n",
        "def build(hp, data):\n"
        "    if hp.Int('units', 1, 6) > 2:\n"
        "        from keras_tuner.errors import FailedTrialError\n"
        "        raise FailedTrialError('too large')\n",
    )
    path = tmp_path / "limited.py"
    path.write_text(source)
    study, listener, _ = search(MadeUpPool(1), trials=1000, by=load_space(path))
    assert len(study) < 200
    assert "has no more candidates after" in listener.notes[-1]


@pytest.mark.parametrize("oracle", ["random", "hyperband"])
@pytest.mark.parametrize("slots", [1, 3])
def test_an_oracle_killed_at_any_moment_goes_on_to_the_same_study(search, slots, oracle):
    options = {"window": slots, "choice": EngineChoice("keras-tuner", None, oracle)}
    whole, _, _ = search(MadeUpPool(slots), "whole", **options)
    rng, kills = random.Random(slots), 0
    while True:
        try:
            pool = MadeUpPool(slots, rng.random(), kill_after=rng.randint(0, 9))
            killed, _, _ = search(pool, "killed", **options)
            break
        except Killed:
            kills += 1
    assert kills >= 3
    assert killed == whole


def test_a_search_waits_for_hyperband_and_ends_with_it(search, tiny_space):
    for window in (None, 3):
        study, listener, _ = search(
            MadeUpPool(3), f"run{window}", window=window, trials=99,
            choice=EngineChoice("keras-tuner", None, "hyperband"),
        )  # fmt: skip
        # max_epochs is 3: a bracket of three trials with one promoted, one of two; the baseline.
        assert len(study) == 1 + 3 + 1 + 2
        assert {state for _, state, *_ in study} <= {"COMPLETE", "PRUNED"}
        assert "hyperband oracle has no more candidates after 7 trials" in listener.notes[-1]
