"""Laws of the discard rules, and their bounds worked out by hand."""

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from automl_sem.errors import UserError
from automl_sem.scoring.discard import RULES, check_rule, hopeless

# 0 and 1e-7 are what a perfect candidate gets, 16.118 what a certain mistake costs.
losses = st.floats(0, 16.2, allow_subnormal=False) | st.sampled_from([0.0, 1e-7, 0.1, 16.118])
FIRST_FOLD = {"forgiving": 1, "paired": 3, "wilcoxon": 5}  # 5: the first with 2**-folds < .05


@st.composite
def comparisons(draw):
    """A rule, an incumbent's scores, and a candidate's on the first folds."""
    rule = draw(st.sampled_from(RULES))
    incumbent = draw(st.lists(losses, min_size=8 if rule == "wilcoxon" else 2, max_size=12))
    done = draw(st.integers(1, len(incumbent)))
    return rule, draw(st.lists(losses, min_size=done, max_size=done)), incumbent


@settings(deadline=None)
@given(comparisons())
def test_no_rule_drops_a_candidate_that_is_nowhere_worse(comparison):
    rule, scores, incumbent = comparison
    nowhere_worse = [min(ours, best) for ours, best in zip(scores, incumbent, strict=False)]
    assert hopeless(rule, nowhere_worse, incumbent) == ""


@settings(deadline=None)
@given(rule=st.sampled_from(RULES), loss=losses, folds=st.integers(8, 12), data=st.data())
def test_ties_drop_nothing(rule, loss, folds, data):
    done = data.draw(st.integers(1, folds))
    assert hopeless(rule, [loss] * done, [loss] * folds) == ""


def test_the_mean_of_equal_losses_is_not_above_them():
    """As it is in floating point: the mean of three times 0.1 is 0.10000000000000002."""
    assert hopeless("forgiving", [0.1] * 3, [0.1] * 5) == ""


@settings(deadline=None)
@given(comparisons(), st.integers(-10, 10))
def test_the_unit_of_the_loss_does_not_matter(comparison, power):
    rule, scores, incumbent = comparison
    assume(all(loss == 0 or loss > 1e-9 for loss in [*scores, *incumbent]))
    factor = 2.0**power  # exact, so that no comparison is decided by rounding
    scaled = hopeless(rule, [s * factor for s in scores], [s * factor for s in incumbent])
    assert bool(scaled) == bool(hopeless(rule, scores, incumbent))


@settings(deadline=None)
@given(comparisons())
def test_nothing_is_dropped_without_an_incumbent_or_after_the_last_fold(comparison):
    rule, scores, incumbent = comparison
    assert hopeless(rule, scores, None) == ""
    assert hopeless(rule, [99.0] * len(incumbent), incumbent) == ""


@pytest.mark.parametrize(("rule", "first"), FIRST_FOLD.items())
def test_a_hopeless_candidate_is_dropped_at_the_first_fold_that_allows_it(rule, first):
    incumbent = [0.10, 0.20, 0.30, 0.15, 0.25, 0.12, 0.22, 0.18]
    scores = [5.0, 5.1, 5.3, 5.2, 5.05, 5.15, 5.25]
    dropped = [bool(hopeless(rule, scores[:done], incumbent)) for done in range(1, 8)]
    assert dropped == [done >= first for done in range(1, 8)]


def test_none_drops_nothing():
    assert all(hopeless("none", [16.0] * done, [0.1] * 8) == "" for done in range(1, 9))


def test_forgiving_compares_the_mean_so_far_with_the_worst_fold():
    incumbent = [0.25, 0.5, 0.125, 0.25, 0.25]
    assert hopeless("forgiving", [0.75, 0.25], incumbent) == ""  # the mean is 0.5 too
    assert hopeless("forgiving", [0.75 + 1e-9, 0.25], incumbent)
    assert hopeless("forgiving", [0.5, 0.5, 0.5, 0.5], incumbent) == ""
    assert hopeless("forgiving", [0.5], incumbent) == ""  # the worst of all folds, not of the first


def test_paired_by_hand():
    """Differences 1, 2, 3: mean 2, s 1, and t(2, .95) = 2.919986 by the table."""
    incumbent = [1.0, 1.0, 1.0, 1.0, 1.0]
    bound = 2.919986 * math.sqrt(1 / 3 + 1 / 4)  # 2.230
    assert bound > 2
    assert hopeless("paired", [2.0, 3.0, 4.0], incumbent) == ""
    under, over = ([bound + d + margin for d in (0, 1, 2)] for margin in (-1e-5, 1e-5))
    assert hopeless("paired", under, incumbent) == ""
    assert hopeless("paired", over, incumbent)


def test_paired_counts_the_incumbents_folds():
    """With 10 folds the bound is 2.919986 * sqrt(1/3 + 1/9) = 1.947: a mean of 2 is above it."""
    assert hopeless("paired", [2.0, 3.0, 4.0], [1.0] * 10)


def test_paired_without_any_spread():
    assert hopeless("paired", [1.5, 1.5, 1.5], [1.0] * 5)
    assert hopeless("paired", [1.0, 1.0, 1.0], [1.0] * 5) == ""


def test_paired_needs_three_folds():
    assert hopeless("paired", [9.0, 9.0], [1.0] * 5) == ""


def test_wilcoxon_by_hand():
    """All positive ranks have p = 2**-n; with the smallest of five negative it is 2/32."""
    incumbent = [1.0] * 8
    assert "p = 0.031" in hopeless("wilcoxon", [2, 3, 4, 5, 6], incumbent)
    assert hopeless("wilcoxon", [0.5, 3, 4, 5, 6], incumbent) == ""
    assert hopeless("wilcoxon", [2, 3, 4, 5], incumbent) == ""


def test_a_fold_that_ties_is_no_evidence_to_wilcoxon():
    incumbent = [1.0] * 8
    assert hopeless("wilcoxon", [1, 2, 3, 4, 5], incumbent) == ""  # four that count: p = 1/16
    assert hopeless("wilcoxon", [1.0] * 7, incumbent) == ""


def test_the_reason_is_one_line_for_people():
    reason = hopeless("forgiving", [1.2, 1.0], [0.3, 0.34, 0.2, 0.2, 0.2])
    assert reason == (
        "after 2 of 5 folds: mean 1.1 is worse than the best trial's worst fold, 0.34"
    )


@pytest.mark.parametrize("rule", ["paired", "wilcoxon"])
def test_every_reason_says_how_many_folds_there_were(rule):
    assert hopeless(rule, [2, 3.1, 2.4, 2.2, 2.3], [1.0] * 8).startswith("after 5 of 8 folds: ")


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_works_with_enough_folds(rule):
    check_rule(rule, 8)


@pytest.mark.parametrize("rule", ["forgiving", "none"])
def test_most_rules_work_with_few_folds(rule):
    check_rule(rule, 2)


@pytest.mark.parametrize(("rule", "fewest"), [("paired", 4), ("wilcoxon", 8)])
def test_a_rule_that_needs_more_folds_says_what_to_do(rule, fewest):
    check_rule(rule, fewest)
    message = f"{rule} needs at least {fewest} folds, there are {fewest - 1}"
    with pytest.raises(UserError, match=message) as caught:
        check_rule(rule, fewest - 1)
    assert caught.value.where == "--discard"
    assert f"--folds {fewest}" in caught.value.hint


def test_an_unknown_rule_gets_a_suggestion():
    with pytest.raises(UserError, match="no discard rule 'forgivin'") as caught:
        check_rule("forgivin", 5)
    assert caught.value.where == "--discard"
    assert caught.value.hint.startswith("Did you mean 'forgiving'?")


def test_an_unknown_rule_that_is_like_none_of_ours_gets_them_all():
    with pytest.raises(UserError) as caught:
        check_rule("xyz", 5)
    assert all(rule in caught.value.hint for rule in RULES)
