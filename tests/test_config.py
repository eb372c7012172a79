"""Options: checked once, with one clear line."""

import pytest

from automl_sem.config import DEFAULT_TRIALS, parse_duration, search_options
from automl_sem.errors import UserError


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("5m", 300), ("1.5h", 5400), ("1h30m", 5400)]
)
def test_durations(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "5 m", "m5", "5d", "-5m", "1m-5s", "5m x"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(UserError, match="--time: a duration looks like"):
        search_options(time_limit_s=text)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trials": 0}, "--trials: it must be at least 1. Received: 0"),
        ({"folds": 1}, "--folds: it must be at least 2"),
        ({"time_limit_s": "0s"}, "--time: .*greater than 0"),
        ({"batch_size": -4}, "--batch-size: .*Received: -4"),
        ({"seed": -1}, "--seed"),
        ({"workers_per_gpu": 0}, "--workers-per-gpu: it must be at least 1"),
        ({"image_size": 4}, "--image-size"),
    ],
)
def test_a_value_out_of_range_names_its_flag(options, message):
    with pytest.raises(UserError, match=message) as error:
        search_options(**options)
    assert "\n" not in str(error.value)


def test_a_time_limit_alone_takes_the_limit_off_the_trials():
    assert search_options().trial_limit == DEFAULT_TRIALS
    assert search_options(time_limit_s="5m").trial_limit > 10_000
    assert search_options(time_limit_s="5m", trials=7).trial_limit == 7
