"""Which stress there is, how it is written, and what is said about a wrong one."""

import math

import pytest

from automl_sem.augment import check_augment
from automl_sem.augmentation.kinds import (
    KINDS,
    checked_stress,
    described,
    kinds_for,
    parse_stress,
    with_kind,
)
from automl_sem.augmentation.pipeline import layers_of
from automl_sem.errors import UserError
from automl_sem.types import Augment


def test_strengths_are_named_or_usual():
    assert parse_stress("rotate=180, scale ,noise=0.05", "images") == {
        "rotate": 180.0,
        "scale": KINDS["scale"].usual,
        "noise": 0.05,
    }
    assert parse_stress("none", "images") == {}
    wanted = {"rotate": None, "shift": 0.2}
    assert checked_stress(wanted, "STRESS", "clips") == {"rotate": 45, "shift": 0.2}
    assert parse_stress("noise,speed", "series") == {"noise": 0.3, "speed": 0.5}


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
        ("speed", "speed is for clips and series, but the data are images. For images there are "),
    ],
)
def test_a_wrong_stress_is_one_clear_line(text, message):
    with pytest.raises(UserError) as error:
        parse_stress(text, "images")
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
        checked_stress(wanted, "STRESS in my.py", "images")
    assert str(error.value).startswith("STRESS in my.py: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "data", "message"),
    [
        ("rotate=20", "series", "rotate is for images and clips, but the data are series"),
        (
            "rotate",
            "series",
            "For series there are noise, speed, start, warp, crop, drop, channels",
        ),
        ("channels", "clips", "channels is for series, but the data are clips"),
        ("tilt", "series", "no stress is called 'tilt'. Known: channels, crop, drop, noise"),
        (",", "series", "There are noise, speed"),
        ("speed=a", "series", "Write it as in noise=0.3,speed=0.5"),
        ("speed=a", "clips", "Write it as in rotate=45,scale=0.4"),
        ("warp=0.2", "clips", "must be above 0 and at most 0.15"),
    ],
)
def test_a_stress_for_other_data_is_one_clear_line(text, data, message):
    with pytest.raises(UserError) as error:
        parse_stress(text, data)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("data", ["images", "clips", "series"])
def test_every_kind_of_stress_can_be_trained_for_on_its_data(data):
    for name in kinds_for(data):
        augment = with_kind(Augment(), name, KINDS[name].usual_for(data))
        check_augment(augment, data)
        assert len(layers_of(augment, data)) == 1
    for name in set(KINDS) - set(kinds_for(data)):
        with pytest.raises(UserError, match=rf"{KINDS[name].field} is for .*the data are {data}"):
            layers_of(with_kind(Augment(), name, KINDS[name].usual), data)


def test_every_kind_has_an_augmentation_that_draws_from_its_range():
    for name, kind in KINDS.items():
        augment = with_kind(Augment(), name, kind.usual)
        assert getattr(augment, kind.field) == kind.usual
        assert bool(augment)
        assert not math.isnan(kind.usual)


def test_a_stress_is_described_with_its_units():
    assert described({"rotate": 180.0, "scale": 0.4}) == "rotate up to 180 degrees, scale up to 0.4"
