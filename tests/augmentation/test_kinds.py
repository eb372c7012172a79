"""Which stress there is, how it is written, and what is said about a wrong one."""

import math

import pytest

from automl_sem.augmentation.kinds import (
    KINDS,
    checked_stress,
    described,
    parse_stress,
    with_kind,
)
from automl_sem.errors import UserError
from automl_sem.types import Augment


def test_strengths_are_named_or_usual():
    assert parse_stress("rotate=180, scale ,noise=0.05") == {
        "rotate": 180.0,
        "scale": KINDS["scale"].usual,
        "noise": 0.05,
    }
    assert parse_stress("none") == {}
    assert checked_stress({"rotate": None, "shift": 0.2}, "STRESS") == {"rotate": 45, "shift": 0.2}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rotat", "no stress is called 'rotat'. Did you mean 'rotate'?"),
        ("upside-down", "Known: aspect, brightness"),
        ("rotate=a", "the strength of rotate is no number: 'a'"),
        ("rotate=720", "at most 180. Received: 720"),
        ("scale=0", "must be above 0"),
        ("scale=-1", "must be above 0"),
        ("scale=inf", "must be above 0 and at most 3. Received: inf"),
        ("scale=nan", "must be above 0 and at most 3. Received: nan"),
        ("scale=1e999", "Received: inf"),
        (" , ", "it names no distortion"),
        ("rotate=180,rotate=30", "rotate is named twice"),
        ("rotate=", "the strength of rotate is no number: ''"),
    ],
)
def test_a_wrong_stress_is_one_clear_line(text, message):
    with pytest.raises(UserError) as error:
        parse_stress(text)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"rotate": "180"}, "the strength of rotate is no number: '180'"),
        ({"rotate": True}, "the strength of rotate is no number: True"),
        ({"rotate": [45]}, "the strength of rotate is no number: [45]"),
        ({"rotate": math.nan}, "at most 180. Received: nan"),
        ({"rotate": -math.inf}, "at most 180. Received: -inf"),
        ({"rotate": 10**400}, "at most 180. Received: inf"),
        ({"rotat": 45}, "no stress is called 'rotat'. Did you mean 'rotate'?"),
        ({45: "rotate"}, "no stress is called 45. Known: aspect, brightness"),
        ({None: 45}, "no stress is called None"),
    ],
)
def test_a_wrong_stress_of_a_space_names_its_file(wanted, message):
    with pytest.raises(UserError) as error:
        checked_stress(wanted, "STRESS in my.py")
    assert str(error.value).startswith("STRESS in my.py: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_every_kind_has_an_augmentation_that_draws_from_its_range():
    for name, kind in KINDS.items():
        augment = with_kind(Augment(), name, kind.usual)
        assert getattr(augment, kind.field) == kind.usual
        assert bool(augment)
        assert not math.isnan(kind.usual)


def test_a_stress_is_described_with_its_units():
    assert described({"rotate": 180.0, "scale": 0.4}) == "rotate up to 180 degrees, scale up to 0.4"
