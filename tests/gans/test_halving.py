import pytest

from automl_sem.scoring.gan.halving import limits, reason

# Distances at ten points, of which the second and the fifth are rungs.
GOOD, MIDDLING, BAD = ([start / (n + 1) for n in range(10)] for start in (20, 40, 80))


def test_with_fewer_than_two_others_all_go_on():
    assert limits([], 10) == {}
    assert limits([GOOD], 10) == {}


def test_as_many_as_half_go_on_the_candidate_itself_included():
    assert limits([GOOD, BAD], 10) == {1: BAD[1], 4: BAD[4]}
    assert limits([GOOD, MIDDLING, BAD], 10) == {1: MIDDLING[1], 4: MIDDLING[4]}
    four = limits([GOOD, GOOD, MIDDLING, BAD], 10)
    assert four == {1: MIDDLING[1], 4: MIDDLING[4]}


def test_those_that_were_stopped_count_at_the_rungs_that_they_reached():
    stopped = BAD[:2]
    assert limits([GOOD, MIDDLING, stopped], 10)[1] == MIDDLING[1]
    assert limits([GOOD, MIDDLING, stopped], 10)[4] == MIDDLING[4]
    assert limits([GOOD, stopped], 10) == {1: BAD[1]}


@pytest.mark.parametrize("points", [1, 3, 10])
def test_rungs_lie_within_the_curve(points):
    curves = [list(range(points)), list(range(points))]
    assert all(0 <= point < points for point in limits(curves, points))


def test_the_reason_says_how_far_others_had_got():
    assert reason(200, 1000, 1578.4, 153.2) == (
        "after 200 of 1000 steps: distance 1,578 is more than that of half of the others by then, "
        "153"
    )
