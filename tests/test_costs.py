"""What models cost to run, and limits on it."""

import pytest

from automl_sem.backend import use_tensorflow
from automl_sem.config import parse_count, parse_megabytes, search_options
from automl_sem.costs import Demands, latency_ms, memory_mb, size_mb
from automl_sem.errors import UserError
from automl_sem.feasible import check_reachable
from automl_sem.spaces.load import load_space


@pytest.fixture(autouse=True, scope="module")
def _tensorflow():
    use_tensorflow()


def chain():
    """A network whose largest moment is known: 8x8x1 in, 8x8x4, 8x8x2, then 3 numbers."""
    from keras import Input, Model, layers

    inputs = Input((8, 8, 1))
    x = layers.Conv2D(4, 3, padding="same")(inputs)
    x = layers.Conv2D(2, 1)(x)
    x = layers.GlobalAveragePooling2D()(x)
    return Model(inputs, layers.Dense(3)(x))


def test_size_is_that_of_all_weights():
    model = chain()
    assert size_mb(model) == pytest.approx(4 * model.count_params() / 1e6)


def test_memory_counts_what_must_be_kept_at_the_most_demanding_moment():
    model = chain()
    moment = 8 * 8 * (4 + 2)  # both convolutions; the input is no longer needed
    assert memory_mb(model) == pytest.approx((4 * model.count_params() + 4 * moment) / 1e6)


def test_a_skip_is_kept_until_it_is_added():
    from keras import Input, Model, layers

    inputs = Input((8, 8, 4))
    x = layers.Conv2D(4, 1)(inputs)
    x = layers.Conv2D(4, 1)(x)
    model = Model(inputs, layers.Add()([inputs, x]))
    moment = 8 * 8 * 4 * 3  # input, sum and what is added to it, or two of the three layers
    assert memory_mb(model) == pytest.approx((4 * model.count_params() + 4 * moment) / 1e6)


def test_a_model_within_counts_and_a_clip_has_all_its_frames_at_once():
    from keras import Input, Model, layers

    frame = chain()
    inputs = Input((5, 8, 8, 1))
    clip = Model(inputs, layers.TimeDistributed(frame)(inputs))
    inside = 4 * 5 * 8 * 8 * 6
    assert memory_mb(clip) >= (4 * frame.count_params() + inside) / 1e6


def test_latency_is_a_time():
    assert 0 < latency_ms(chain(), (8, 8, 1)) < 1000


def test_what_breaks_a_limit_is_said_with_both_numbers():
    demands = Demands({"params": 50.0, "memory_mb": 1.0, "latency_ms": 100.0})
    costs = demands.costs(chain(), (8, 8, 1))
    assert set(costs) == {"params", "memory_mb"}  # not timed: it breaks a limit already
    assert demands.over(costs) == "59 weights, --max-params allows 50 weights"
    assert demands.excess(costs)["params"] == pytest.approx(9 / 50)
    assert demands.excess(costs)["memory_mb"] < 0
    assert not Demands({"params": 59.0}).over(costs)
    assert not Demands()


@pytest.mark.parametrize(
    ("text", "number"), [("50k", 50_000), ("1.5M", 1_500_000), ("1,000", 1000), ("7", 7)]
)
def test_numbers_are_read_as_people_write_them(text, number):
    assert parse_count(text) == number


@pytest.mark.parametrize(
    ("text", "number"), [("512kB", 0.512), ("64", 64), ("64MB", 64), ("1.5 GB", 1500), ("2g", 2000)]
)
def test_megabytes_are_read_as_people_write_them(text, number):
    assert parse_megabytes(text) == pytest.approx(number)


def test_limits_that_are_none_are_refused():
    with pytest.raises(UserError, match=r"--max-params: a number looks like 50000, 50k or 1\.5M"):
        search_options(max_params="many")
    with pytest.raises(UserError, match="--max-memory: "):
        search_options(max_memory="-1")
    assert search_options(max_params="50k", max_memory="1GB").limits == {
        "params": 50_000.0,
        "memory_mb": 1000.0,
    }


def test_limits_out_of_reach_are_told_before_the_search(tiny_space, stripes):
    space = load_space(tiny_space)
    with pytest.raises(UserError, match="keeps the limits: the least found is 275 weights, --max"):
        check_reachable(space, stripes.info, Demands({"params": 100.0}))
    note = check_reachable(space, stripes.info, Demands({"params": 400.0}))
    assert "the baseline breaks the limits (547 weights" in note
    assert "can never be the best" in note
    assert check_reachable(space, stripes.info, Demands({"params": 600.0})) == ""
    assert check_reachable(space, stripes.info, Demands()) == ""


def test_the_look_for_a_candidate_has_an_end(tiny_space, stripes):
    space, ticks = load_space(tiny_space), iter(range(0, 1000, 15))
    with pytest.raises(UserError, match="none of 2 candidates"):
        check_reachable(space, stripes.info, Demands({"params": 1.0}), lambda: next(ticks))
