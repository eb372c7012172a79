"""Labels and numbers: what ranks them, what is shown, how they are trained and kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics

from automl_sem.data.dataset import TrainingPart
from automl_sem.failures import Diverged
from automl_sem.scoring import kept, measures
from automl_sem.scoring.fold import run_fold
from automl_sem.scoring.output_folds import OutputFold, OutputScore
from automl_sem.scoring.scores import score_of
from automl_sem.spaces.heads import check_head, for_task
from automl_sem.types import DataInfo, Recipe

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 2, (40, 3))
SAID = RNG.uniform(size=(40, 3)).astype(np.float32)
NUMBERS = RNG.normal(500, 20, (40, 2)).astype(np.float32)
GUESSED = (NUMBERS + RNG.normal(0, 10, (40, 2))).astype(np.float32)


def part_of(task: str, n: int = 60) -> TrainingPart:
    """Return images whose upper half says what is to be learnt."""
    rng = np.random.default_rng(1)
    x = rng.integers(0, 40, (n, 8, 8, 1)).astype(np.uint8)
    shine = rng.integers(0, 2, (n, 2))
    x[:, :4, :4] += (shine[:, 0] * 200)[:, None, None, None].astype(np.uint8)
    x[:, :4, 4:] += (shine[:, 1] * 200)[:, None, None, None].astype(np.uint8)
    y = shine.astype(np.int64)
    if task == "regression":
        y = (10_000 + shine @ [[300.0], [150.0]] + rng.normal(0, 5, (n, 1))).astype(np.float32)
    names = tuple(f"row {row}" for row in range(n))
    outputs = ("price",) if task == "regression" else ("left", "right")
    return TrainingPart(x, y, names, outputs, task=task)


def build_for(part: TrainingPart, **head: object):
    """Return what builds a small network."""
    import keras

    def build():
        inputs = keras.Input(part.info.input_shape)
        x = keras.layers.AveragePooling2D(4)(inputs)
        x = keras.layers.Flatten()(x)
        head_layer = {"activation": part.info.activation, **head}
        return keras.Model(inputs, keras.layers.Dense(part.info.outputs, **head_layer)(x))

    return build


class TestMeasures:
    def test_they_are_those_of_scikit_learn(self):
        said = SAID >= 0.5
        f1 = metrics.f1_score(LABELS, said, average="macro")
        assert measures.macro_f1(LABELS, SAID) == pytest.approx(f1)
        assert measures.exact_match(LABELS, SAID) == metrics.accuracy_score(LABELS, said)
        loss = np.mean([metrics.log_loss(LABELS[:, i], SAID[:, i]) for i in range(3)])
        assert measures.cross_entropies(LABELS, SAID) == pytest.approx(loss, rel=1e-5)
        assert measures.r2(NUMBERS, GUESSED) == pytest.approx(metrics.r2_score(NUMBERS, GUESSED))
        error = metrics.mean_absolute_error(NUMBERS, GUESSED, multioutput="raw_values")
        assert measures.absolute_errors(NUMBERS, GUESSED) == pytest.approx(error, rel=1e-5)

    def test_labels_that_are_neither_there_nor_said_do_not_count(self):
        wanted, said = np.array([[1, 0], [0, 0]]), np.array([[0.9, 0.1], [0.1, 0.1]])
        assert measures.macro_f1(wanted, said) == 1.0
        assert np.isnan(measures.f1_scores(wanted, said)[1])

    def test_the_mean_is_worth_nothing(self):
        mean = np.broadcast_to(NUMBERS.mean(axis=0), NUMBERS.shape)
        assert measures.r2(NUMBERS, mean) == pytest.approx(0, abs=1e-5)


def fold_of(task: str, number: int = 0) -> OutputFold:
    rows = np.arange(20) + 20 * number
    wanted, said = (NUMBERS, GUESSED) if task == "regression" else (LABELS, SAID)
    return OutputFold(number, rows, task, wanted[rows], said[rows], 0.25 + number)


class TestFolds:
    @pytest.mark.parametrize("task", ["regression", "multi-label"])
    def test_they_are_kept_as_they_are(self, task):
        fold = replace(fold_of(task), metrics={"mae": 2.0}, seconds=1.5)
        again = kept.from_arrays(0, kept.to_arrays(fold))
        for name, value in vars(fold).items():
            np.testing.assert_array_equal(getattr(again, name), value)

    def test_a_score_counts_all_predictions_together(self):
        score = score_of([fold_of("multi-label"), fold_of("multi-label", 1)])
        assert isinstance(score, OutputScore)
        assert score.share == measures.macro_f1(LABELS, SAID)
        assert score.objective == 0.75
        assert score.record()["fold_macro_f1"] == [fold.share for fold in score.folds]
        assert (score.share_word, score.objective_word) == ("macro F1", "cross-entropy")

    def test_r2_of_a_fold_is_by_the_spread_of_all_data(self):
        part = part_of("regression")
        held_out = np.arange(10)
        said = part.y[held_out] + np.float32(30)
        result = run_fold(
            0,
            held_out,
            part,
            1,
            train=lambda _: 0.5,
            predict=lambda _: said,
            predict_examples=lambda _: said,
            stress=None,
            started=0.0,
        )
        assert result.objective == pytest.approx(900 / part.y.var(), rel=1e-3)
        assert result.share == pytest.approx(1 - result.objective)

    @pytest.mark.parametrize(
        ("task", "said", "error", "message"),
        [
            ("multi-label", 1.5, ValueError, "end it with a sigmoid"),
            ("regression", np.nan, Diverged, "not finite"),
        ],
    )
    def test_impossible_predictions_are_told(self, task, said, error, message):
        part = part_of(task)
        predicted = np.full((10, part.info.outputs), said, np.float32)
        with pytest.raises(error, match=message):
            run_fold(
                0,
                np.arange(10),
                part,
                1,
                train=lambda _: 0.5,
                predict=lambda _: predicted,
                predict_examples=lambda _: predicted,
                stress=None,
                started=0.0,
            )


class TestRecipes:
    def test_nothing_balances_classes_where_there_are_none(self):
        recipe = Recipe(class_weight="balanced", label_smoothing=0.1)
        info = DataInfo("images", (8, 8, 1), 0, 60, task="regression", outputs=2)
        made = for_task(recipe, info)
        assert (made.class_weight, made.label_smoothing) == ("none", 0.0)
        made = for_task(recipe, replace(info, task="multi-label"))
        assert (made.class_weight, made.label_smoothing) == ("none", 0.1)

    def test_a_softmax_is_refused(self):
        part = part_of("multi-label")
        with pytest.raises(Exception, match="labels do not add up to 1"):
            check_head(build_for(part, activation="softmax")(), part.info, "build")


class TestTraining:
    @pytest.mark.slow
    @pytest.mark.parametrize("task", ["regression", "multi-label"])
    def test_both_trainers_learn_it_and_agree(self, task):
        from automl_sem.scoring.fit import FitTrainer
        from automl_sem.scoring.trainer import FoldTrainer

        part, recipe = part_of(task), Recipe(learning_rate=0.1, batch_size=10, epochs=25)
        held_out = np.arange(0, 60, 5)
        made = [
            trainer(build_for(part), recipe, part, seed=3).fit(0, held_out)
            for trainer in (FoldTrainer, FitTrainer)
        ]
        assert made[0].share > 0.95
        np.testing.assert_allclose(made[0].predicted, made[1].predicted, rtol=1e-4, atol=1e-3)
        assert made[0].curve[-1].loss == pytest.approx(made[1].curve[-1].loss, rel=1e-3)

    @pytest.mark.slow
    def test_a_model_that_a_person_compiled_learns_numbers_as_they_are(self):
        import keras

        from automl_sem.scoring.trainer import FoldTrainer

        part = part_of("regression")
        plain = build_for(part, bias_initializer=keras.initializers.Constant(10_000))

        def build():
            model = plain()
            model.compile(keras.optimizers.Adam(5.0), loss="mean_squared_error", metrics=["mae"])
            return model

        result = FoldTrainer(build, Recipe(batch_size=10, epochs=40), part, seed=3).fit(
            0, np.arange(0, 60, 5)
        )
        assert result.share > 0.9
        assert result.curve[0].loss > 1000  # in squares of its own unit
        error = np.abs(result.predicted - result.wanted).mean()
        (metric,) = result.metrics.values()
        assert metric == pytest.approx(error, rel=1e-4)
