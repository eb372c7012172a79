"""The map of capacity: where each trial stands, and which is the best."""

import pytest

from automl_sem.gan_recipe import GanRecipe
from automl_sem.reports.sections.gan_capacity import _figure
from automl_sem.reports.wording import discarding, loss
from automl_sem.results import TrialRecord


def trial(number, generator, discriminator, objective=None, reached=None):
    return TrialRecord(
        number=number,
        state="complete" if reached is None else "discarded",
        reason="",
        proposed_by="model",
        objective=objective,
        log_loss=None,
        share=None if objective is None else 0.5,
        stress_accuracy=None,
        fold_scores=() if objective is None else (objective,) * 3,
        fold_shares=(),
        hyperparameters={"width": generator},
        recipe=GanRecipe(),
        parameters=generator + discriminator,
        seconds=1.0,
        networks={"generator": generator, "discriminator": discriminator},
        reached=reached,
    )


@pytest.fixture
def figure():
    complete = [trial(1, 4000, 900, 2.0), trial(0, 500, 800, 20.0), trial(2, 600, 700, 2000.0)]
    return _figure(complete, [trial(3, 9000, 100, reached=50.0)], "distance", 3)


def named(figure, name):
    (found,) = (trace for trace in figure["data"] if trace["name"] == name)
    return found


def test_each_trial_stands_at_the_sizes_of_its_networks(figure):
    dots, left = named(figure, "trial"), named(figure, "discarded early")
    assert (dots["x"], dots["y"]) == ([4000, 500, 600], [900, 800, 700])
    assert (left["x"], left["y"]) == ([9000], [100])
    assert "width 4000" in dots["customdata"][0]
    assert "width 9000" in left["customdata"][0]


def test_the_nearer_the_larger_and_darker(figure):
    marker = named(figure, "trial")["marker"]
    for values in (marker["size"], marker["opacity"]):
        first, second, third = values
        # In between on a scale of magnitudes: 20 is a third of the way from 2 to 2,000.
        assert (first - second) / (first - third) == pytest.approx(1 / 3)
    best = named(figure, "the best")
    assert (best["x"], best["y"]) == ([4000], [900])


def test_the_line_of_equal_sizes_reaches_beyond_all_trials(figure):
    line = named(figure, "as many weights")
    assert line["x"] == line["y"]
    assert line["x"][0] < 100
    assert line["x"][1] > 9000


def test_nothing_is_said_of_discarded_trials_where_there_are_none():
    figure = _figure([trial(n, 10, 10, 1.0) for n in range(3)], [], "distance", 3)
    assert "discarded early" not in [trace["name"] for trace in figure["data"]]


def test_trials_stopped_within_a_fold_were_so_for_another_reason():
    behind = "within the first fold, since half of the others had got further by then"
    assert discarding(2, 6, "forgiving", 2).startswith(
        f"2 trials were dropped before all folds were done, {behind}."
    )
    some = discarding(3, 7, "forgiving", 2)
    assert "worst fold" in some
    assert f"; 2 of them {behind}." in some
    assert "of them" not in discarding(3, 7, "forgiving")


@pytest.mark.parametrize(
    ("distance", "text"), [(0.01234, "0.0123"), (999.4, "999"), (999.6, "1,000"), (1890.4, "1,890")]
)
def test_distances_of_thousands_are_written_out(distance, text):
    assert loss(distance) == text
