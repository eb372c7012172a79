"""The front, the knee and the smallest within one standard error, for any numbers."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_sem.errors import UserError
from automl_sem.pareto import PICKS, front, knee, parse_pick, smallest_within_one_error

NUMBERS = st.floats(-100, 100, allow_nan=False).map(lambda x: round(x, 2))


def rows(width):
    return st.lists(st.tuples(*[NUMBERS] * width), min_size=1, max_size=25)


MANY = st.one_of(rows(2), rows(3))


def beats(one, other):
    return all(a <= b for a, b in zip(one, other, strict=True)) and one != other


@settings(deadline=None)
@given(MANY)
def test_nothing_on_the_front_is_beaten_and_all_else_is(values):
    on = front(values)
    assert on
    for place, row in enumerate(values):
        assert (place in on) is not any(beats(other, row) for other in values)


@settings(deadline=None)
@given(MANY, st.randoms())
def test_the_front_does_not_depend_on_the_order(values, random):
    shuffled = list(values)
    random.shuffle(shuffled)
    assert sorted(values[p] for p in front(values)) == sorted(shuffled[p] for p in front(shuffled))


@settings(deadline=None)
@given(MANY)
def test_the_knee_is_on_the_front(values):
    assert knee(values) in front(values)


def test_the_knee_is_where_the_front_bends():
    values = [(0.0, 10.0), (1.0, 3.0), (2.0, 2.5), (10.0, 0.0), (5.0, 9.0)]
    assert knee(values) == 1
    assert knee([(1.0, 1.0)]) == 0


@settings(deadline=None)
@given(rows(2))
def test_scaling_an_objective_does_not_move_the_knee_off_the_least_sum(values):
    scaled = [(1000 * a, b) for a, b in values]
    on = np.array([values[p] for p in front(values)])
    span = np.where(np.ptp(on, axis=0) > 0, np.ptp(on, axis=0), 1.0)
    sums = ((on - on.min(axis=0)) / span).sum(axis=1)
    a, b = scaled[knee(scaled)]
    found = ((np.array([a / 1000, b]) - on.min(axis=0)) / span).sum()
    assert found == pytest.approx(sums.min(), abs=1e-6)


SCORES = st.lists(
    st.tuples(st.lists(NUMBERS, min_size=3, max_size=3), st.integers(1, 1000)),
    min_size=1,
    max_size=15,
)


@settings(deadline=None)
@given(SCORES)
def test_the_smallest_is_within_one_error_and_none_within_is_smaller(candidates):
    folds, sizes = [f for f, _ in candidates], [s for _, s in candidates]
    scores = [math.fsum(f) / 3 for f in folds]
    chosen = smallest_within_one_error(scores, folds, sizes)
    best = min(range(len(scores)), key=scores.__getitem__)
    limit = scores[best] + np.std(folds[best], ddof=1) / math.sqrt(3)
    assert scores[chosen] <= limit
    assert all(sizes[chosen] <= s for s, score in zip(sizes, scores, strict=True) if score <= limit)


def test_picks_are_understood_as_people_write_them():
    assert [parse_pick(name) for name in PICKS] == list(PICKS)
    assert parse_pick("smallest-within 1se") == "smallest-within-1se"
    assert parse_pick("smallest-within") == "smallest-within-1se"
    with pytest.raises(UserError, match="there is no pick 'elbow'"):
        parse_pick("elbow")
