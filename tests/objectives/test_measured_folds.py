"""What a fold comes to by an objective, kept with the fold; and what cannot be computed."""

import numpy as np
import pytest

from automl_sem.errors import UserError
from automl_sem.objectives.base import Unmeasurable
from automl_sem.objectives.choose import choose
from automl_sem.objectives.measure import check_measures, measured
from automl_sem.scoring.kept import from_arrays, to_arrays
from automl_sem.types import Candidate, FoldResult, Recipe, Score, StressResult
from automl_sem.workers.base import FoldDone, FoldTask
from automl_sem.workers.measuring import MeasuringPool

Y = np.arange(12) % 3
SURE = np.full((12, 3), 0.1, np.float32)
SURE[np.arange(12), Y] = 0.8
SURE[:2] = [0.1, 0.1, 0.8]  # rows 0 and 1 are wrong


def fold(rows, stress=None):
    rows = np.asarray(rows, np.int64)
    return FoldResult(0, rows, SURE[rows], 0.4, 0.5, stress=stress)


def measures(asked, **more):
    return [each.measure for each in choose(asked, **more) if each.measure]


def test_the_objective_of_a_fold_is_minimised_and_quoted_as_people_do():
    result = measured(fold(range(6)), measures("accuracy,params"), Y)
    assert result.objective == pytest.approx(-4 / 6)
    score = Score((result, measured(fold(range(6, 12)), measures("accuracy"), Y)))
    assert score.objective == pytest.approx(-5 / 6)
    assert score.quoted == pytest.approx(5 / 6)
    assert score.objective_word == "accuracy"
    assert score.record()["measured"] == {"accuracy": pytest.approx(5 / 6)}
    assert "measured" not in Score((fold(range(6)),)).record()


def test_it_is_part_of_the_file_of_a_fold():
    result = measured(fold(range(6)), measures("macro_f1,hamming_loss,params"), Y)
    read = from_arrays(0, to_arrays(result))
    assert read.measured == result.measured
    assert [m.goal.name for m in read.measured] == ["macro_f1", "hamming_loss"]
    assert from_arrays(0, to_arrays(fold(range(6)))).measured == ()


def test_under_stress_it_is_the_mean_of_both():
    rows = np.arange(4)
    guesses = np.array([[[0, 0, 0, 0]], [[1, 1, 1, 1]]])  # one condition scored, one kept back
    stress = StressResult(
        ("turn 1", "blur 1"), (True, False), rows, Y[:4], guesses * 0 + 0.5, guesses
    )
    result = measured(fold(rows, stress), measures("accuracy", stressed=True), Y)
    assert result.measured[0].value == pytest.approx((2 / 4 + 2 / 4) / 2)
    result = measured(fold(rows, stress), measures("macro_f1", stressed=True), Y)
    alone = measured(fold(rows), measures("macro_f1"), Y)
    assert result.measured[0].value == alone.measured[0].value


class OnePool:
    """Returns one result, whatever is submitted."""

    slots = 1

    def __init__(self, done):
        self.done = done

    def submit(self, slot, task):
        pass

    def wait(self):
        return self.done

    def close(self):
        pass


def test_a_pool_measures_each_fold_and_says_where_that_cannot_be():
    task = FoldTask(Candidate(1, {}, Recipe(), 1, "model"), 0, np.arange(6), 0)
    pool = MeasuringPool(OnePool(FoldDone(0, fold(range(6)))), measures("accuracy"), Y)
    pool.submit(0, task)
    assert pool.wait().result.objective == pytest.approx(-4 / 6)
    one_class = MeasuringPool(OnePool(FoldDone(0, fold([0, 3, 6]))), measures("auc"), Y)
    done = one_class.wait()
    assert done.result is None
    assert done.outcome.status == "diverged"
    assert "the objective has no value on fold 0: auc" in done.outcome.reason
    usual = MeasuringPool(OnePool(FoldDone(0, fold(range(6)))), [], Y)
    assert usual.wait().result.objective == 0.4


def test_what_no_fold_can_be_scored_by_is_said_before_the_search():
    splits = {"search": np.repeat([0, 1, 2], 4)}
    check_measures(measures("auc"), Y, 3, splits)
    by_class = {"search": Y}
    with pytest.raises(UserError, match="--objective auc: it cannot be computed on a fold of 4"):
        check_measures(measures("auc"), Y, 3, by_class)
    with pytest.raises(UserError, match="mean_absolute_error is for numbers, but the data are cl"):
        check_measures(measures("mae"), Y, 3, splits)

    def broken(y_true, predictions):
        return y_true["rows"]

    with pytest.raises(UserError, match="broken: IndexError"):
        check_measures(measures(broken, direction="max"), Y, 3, splits)


def test_a_metric_of_the_model_itself_is_read_from_the_fold():
    (chosen,) = choose("sharpness:max", reported=lambda: ["sharpness"])
    result = FoldResult(
        0, np.arange(6), SURE[:6], 0.4, 0.5, metrics={"sharpness": 0.75, "other": 0.1}
    )
    assert measured(result, [chosen.measure], Y).objective == -0.75
    check_measures([chosen.measure], Y, 3, {"search": np.arange(12) % 2})
    with pytest.raises(Unmeasurable, match="no compiled metric 'sharpness'"):
        measured(fold(range(6)), [chosen.measure], Y)


NUMBERS = np.linspace(10, 20, 12, dtype=np.float32)[:, None]
LABELS = np.stack([Y % 2, Y > 0], axis=1).astype(np.int64)


@pytest.mark.parametrize("name", ["accuracy", "log_loss,params", "BinaryAccuracy", "hinge", "f1"])
def test_numbers_are_not_scored_by_a_metric_of_classes(name):
    with pytest.raises(UserError, match="is for classes, but the data are numbers"):
        check_measures(measures(name), NUMBERS, 0, {"search": np.arange(12) % 2})


@pytest.mark.parametrize("name", ["mae", "r2", "pearson_correlation", "poisson", "rmse"])
def test_labels_are_not_scored_by_a_metric_of_numbers(name):
    splits = {"search": np.arange(12) % 2}
    check_measures(measures(name), NUMBERS, 0, splits)
    if name != "poisson":  # of counts, and of how sure a model is
        with pytest.raises(UserError, match="is for numbers, but the data are labels"):
            check_measures(measures(name), LABELS, 2, splits)


def test_the_way_out_is_not_fewer_folds_where_these_do_not_help():
    by_class = {"search": Y}
    with pytest.raises(UserError, match=r"Fewer --folds"):
        check_measures(measures("auc"), Y, 3, by_class)
    with pytest.raises(UserError, match=r"not supported\. Choose another objective"):
        check_measures(measures("kappa"), LABELS, 2, {"search": np.arange(12) % 2})
