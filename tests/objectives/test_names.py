"""Metrics by name: what is computed, which way is better, and what is said of unknown ones."""

import numpy as np
import pytest
import sklearn.metrics

from automl_sem.backend import use_tensorflow
from automl_sem.errors import UserError
from automl_sem.goals import LOG_LOSS
from automl_sem.objectives.base import Unmeasurable
from automl_sem.objectives.choose import choose, find_metric, measures_of

RNG = np.random.default_rng(0)
Y3, P3 = np.arange(30) % 3, RNG.dirichlet(np.ones(3), 30).astype(np.float32)
Y2, P2 = np.arange(30) % 2, RNG.dirichlet(np.ones(2), 30).astype(np.float32)
SAID = P3.argmax(axis=1)


@pytest.fixture(autouse=True, scope="module")
def _tensorflow():
    use_tensorflow()


@pytest.mark.parametrize(
    ("name", "shown", "maximize", "value"),
    [
        ("accuracy", "accuracy", True, (SAID == Y3).mean()),
        ("acc", "accuracy", True, (SAID == Y3).mean()),
        ("log_loss", "log_loss", False, sklearn.metrics.log_loss(Y3, P3)),
        ("f1", "macro_f1", True, sklearn.metrics.f1_score(Y3, SAID, average="macro")),
        ("Macro-F1", "macro_f1", True, sklearn.metrics.f1_score(Y3, SAID, average="macro")),
        ("auc", "auc", True, sklearn.metrics.roc_auc_score(Y3, P3, multi_class="ovr")),
        ("mcc", "matthews_corrcoef", True, sklearn.metrics.matthews_corrcoef(Y3, SAID)),
        ("kappa", "kappa", True, sklearn.metrics.cohen_kappa_score(Y3, SAID)),
        ("neg_log_loss", "neg_log_loss", True, -sklearn.metrics.log_loss(Y3, P3)),
        ("balanced_accuracy", "balanced_accuracy", True, (SAID == Y3).mean()),
        ("hamming_loss", "hamming_loss", False, (SAID != Y3).mean()),
        ("top_k_accuracy_score", None, True, sklearn.metrics.top_k_accuracy_score(Y3, P3, k=2)),
        ("categorical_crossentropy", None, False, sklearn.metrics.log_loss(Y3, P3)),
        ("CategoricalCrossentropy", "categorical_crossentropy", False, None),
        ("SparseTopKCategoricalAccuracy", "sparse_top_k_categorical_accuracy", True, 1.0),
        ("KLDivergence", "kl_divergence", False, sklearn.metrics.log_loss(Y3, P3)),
        ("OneHotMeanIoU", "one_hot_mean_iou", True, None),
        ("F1Score", "f1_score", True, sklearn.metrics.f1_score(Y3, SAID, average="macro")),
        ("brier_score_loss", "brier_score_loss", False, None),
    ],
)
def test_a_name_is_found_with_its_direction_and_computed(name, shown, maximize, value):
    metric = find_metric(name)
    assert metric.goal.name == (shown or name)
    assert metric.goal.maximize is maximize
    found = metric.value(Y3, P3)
    assert np.isfinite(found)
    if value is not None:
        assert found == pytest.approx(value, rel=1e-4)


def test_of_two_classes_the_area_under_the_curve_is_that_of_the_second():
    assert find_metric("auc").value(Y2, P2) == pytest.approx(
        sklearn.metrics.roc_auc_score(Y2, P2[:, 1])
    )


def test_labels_side_by_side_and_numbers_are_measured_as_they_are():
    labels = (RNG.random((20, 4)) > 0.5).astype(np.int64)
    sure = RNG.random((20, 4)).astype(np.float32)
    wanted = sklearn.metrics.f1_score(labels, sure > 0.5, average="macro")
    assert find_metric("macro_f1").value(labels, sure) == pytest.approx(wanted)
    numbers = RNG.normal(size=20).astype(np.float32)
    said = numbers[:, None] + 0.5
    assert find_metric("mae").value(numbers, said) == pytest.approx(0.5, rel=1e-5)
    assert find_metric("r2").value(numbers, numbers[:, None]) == pytest.approx(1.0)
    assert not find_metric("mae").goal.maximize


def test_a_metric_without_a_value_says_so_in_one_line():
    with pytest.raises(Unmeasurable, match=r"auc is nan, there is a single class|auc: ValueError"):
        find_metric("auc").value(np.zeros(5, int), P2[:5])


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ("acuracy", "no model reports an objective 'acuracy'. Did you mean 'accuracy'?"),
        ("params", "--objective accuracy,params"),
        ("params,accuracy", "params is a cost"),
        ("accuracy,params:max", "less of params is better"),
        ("accuracy,auc,params,size_mb", "4 objectives are too many"),
        ("auc,roc_auc", "auc is named twice"),
        ("RecallAtPrecision", "needs precision"),
        ("nowhere.py:f:max", "cannot read nowhere.py"),
    ],
)
def test_what_cannot_rank_trials_is_refused_with_a_way_out(asked, line):
    with pytest.raises(UserError) as error:
        choose(asked)
    assert line in str(error.value)


def test_the_usual_objective_needs_no_record():
    assert choose("log_loss") == choose(None) == ()
    assert [each.record.name for each in choose("log_loss,params")] == ["log_loss", "params"]


def test_a_person_may_say_which_way_is_better():
    (chosen,) = choose("macro_f1:min")
    assert not chosen.record.maximize
    assert chosen.record.flag == "macro_f1:min"


def test_a_function_of_a_file_is_loaded_and_kept(tmp_path):
    (tmp_path / "helper.py").write_text("HALF = 0.5\n")
    path = tmp_path / "mine.py"
    path.write_text(
        "from helper import HALF\n"
        "def sure(y_true, predictions):\n"
        "    return HALF * predictions[range(len(y_true)), y_true].mean()\n"
    )
    with pytest.raises(UserError, match=r"which way .*sure is better is not known"):
        choose(f"{path}:sure")
    with pytest.raises(UserError, match=r"has no function shure\. Did you mean 'sure'"):
        choose(f"{path}:shure:max")
    (chosen,) = choose(f"{path}:sure:max")
    assert chosen.source == path.read_text()
    run = tmp_path / "run"
    run.mkdir()
    (run / chosen.record.copy_name).write_text(chosen.source)
    path.unlink()
    (measure,) = measures_of([chosen.record], run, {})
    assert measure.metric.value(Y3, P3) == pytest.approx(0.5 * P3[np.arange(30), Y3].mean())


def test_a_function_of_python_must_be_handed_over_again(tmp_path):
    def mine(y_true, predictions):
        return float(predictions.max())

    with pytest.raises(UserError, match='direction="max"'):
        choose(mine)
    (chosen,) = choose(mine, "max")
    assert chosen.record.maximize
    with pytest.raises(UserError, match=r"resume\(run, objective="):
        measures_of([chosen.record], tmp_path, {})
    (measure,) = measures_of([chosen.record], tmp_path, {"mine": mine})
    assert measure.metric.value(Y3, P3) == pytest.approx(P3.max())
    assert [each.record.name for each in choose([mine, "params"], "max")] == ["mine", "params"]


def test_under_stress_accuracy_and_log_loss_are_the_mean_of_both():
    (chosen,) = choose("accuracy", stressed=True)
    assert chosen.record.name == "mean of accuracy and stress_accuracy"
    assert chosen.record.word == "accuracy with stress"
    (other,) = choose("macro_f1", stressed=True)
    assert (other.record.name, other.record.word) == ("macro_f1", "macro F1")
    assert LOG_LOSS.turned(0.5) == 0.5


def test_a_metric_that_models_are_compiled_with_is_found_last(tmp_path):
    def reported():
        return ["sharpness", "accuracy"]

    (chosen,) = choose("val_sharpness:max", reported=reported)
    assert (chosen.record.kind, chosen.record.maximize) == ("compiled", True)
    (measure,) = measures_of([chosen.record], tmp_path, {})
    assert measure.reported
    assert choose("val_accuracy", reported=reported)[0].record.kind == "metric"
    with pytest.raises(UserError, match="which way sharpness is better is not known"):
        choose("sharpness", reported=reported)
    with pytest.raises(UserError, match="no model reports an objective 'sharpnes'"):
        choose("sharpnes:max", reported=reported)


@pytest.mark.parametrize("name", ["loss", "val_loss", "log_loss"])
def test_the_loss_is_what_ranks_trials_anyway(name):
    assert choose(name) == ()


def test_a_label_is_said_from_one_half_on_as_everywhere():
    labels, sure = np.array([[1, 0], [0, 1]]), np.array([[0.5, 0.1], [0.2, 0.5]], np.float32)
    assert find_metric("macro_f1").value(labels, sure) == 1.0


def test_numbers_are_correlated_over_examples():
    numbers = RNG.normal(size=(30, 1)).astype(np.float32)
    said = (numbers + RNG.normal(size=(30, 1))).astype(np.float32)
    found = find_metric("PearsonCorrelation").value(numbers, said)
    assert found == pytest.approx(np.corrcoef(numbers[:, 0], said[:, 0])[0, 1], rel=1e-4)


@pytest.mark.parametrize(
    ("name", "lowest", "highest"),
    [
        ("mae", 0.0, np.inf),
        ("r2", -np.inf, 1.0),
        ("neg_mean_squared_error", -np.inf, 0.0),
        ("dcg_score", -np.inf, np.inf),
    ],
)
def test_intervals_end_where_no_value_can_be(name, lowest, highest):
    goal = find_metric(name).goal
    assert (goal.lowest, goal.highest) == (lowest, highest)


def test_a_label_that_is_not_in_a_fold_does_not_count():
    labels = np.zeros((20, 3), np.int64)
    labels[:12, 0] = labels[8:, 1] = 1
    right = np.where(labels, 0.9, 0.1).astype(np.float32)
    for name in ("macro_f1", "macro_recall", "weighted_f1"):
        assert find_metric(name).value(labels, right) == 1.0
        assert find_metric(name).value(labels[:, [2]], right[:, [2]]) == 1.0  # none, and none said
    false_alarm = right.copy()
    false_alarm[0, 2] = 0.9
    assert find_metric("macro_f1").value(labels, false_alarm) == pytest.approx(2 / 3)


def test_of_a_single_label_it_is_the_label_that_counts():
    labels = (RNG.random((40, 1)) > 0.7).astype(np.int64)
    sure = RNG.random((40, 1)).astype(np.float32)
    said = sure[:, 0] >= 0.5
    wanted = sklearn.metrics.f1_score(labels[:, 0], said)
    assert find_metric("macro_f1").value(labels, sure) == pytest.approx(wanted)
    for name in ("auc", "average_precision", "brier_score_loss", "hamming_loss", "log_loss"):
        assert np.isfinite(find_metric(name).value(labels, sure))
