import json

import pytest

from automl_sem import DiffAugment, GanRecipe

OUT_OF_RANGE = {
    "loss": ("log", "one of"),
    "learning_rate": (0.0, "above 0"),
    "discriminator_rate": (float("nan"), "above 0"),
    "beta_1": (1.0, "from 0 to below 1"),
    "batch_size": (0, "a whole number >= 1"),
    "steps": (1.5, "a whole number >= 1"),
    "d_steps": (0, "a whole number >= 1"),
    "r1": (-1.0, ">= 0"),
    "gradient_penalty": (float("inf"), ">= 0"),
    "label_smoothing": (0.5, "from 0 to below 0.5"),
    "ema": (1.0, "from 0 to below 1"),
    "augment": (True, "a DiffAugment"),
}


@pytest.mark.parametrize("name", OUT_OF_RANGE)
def test_values_out_of_range_are_refused_by_name(name):
    value, expected = OUT_OF_RANGE[name]
    with pytest.raises(ValueError, match=f"GanRecipe.{name} must be {expected}.* Received: "):
        GanRecipe(**{name: value})


@pytest.mark.parametrize("loss", ["hinge", "wgan-gp"])
def test_label_smoothing_is_refused_where_there_are_no_targets(loss):
    with pytest.raises(ValueError, match=f"'{loss}' has no targets to smooth. Received: 0.1"):
        GanRecipe(loss=loss, label_smoothing=0.1)
    assert GanRecipe(label_smoothing=0.1).label_smoothing == 0.1


def test_strengths_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"DiffAugment.cutout must be from 0 to 0.75"):
        DiffAugment(cutout=0.8)
    with pytest.raises(ValueError, match=r"DiffAugment.translation must be from 0 to 0.5"):
        DiffAugment(translation=float("nan"))


def test_a_recipe_comes_back_from_its_record():
    recipe = GanRecipe(loss="hinge", d_steps=2, augment=DiffAugment(translation=0.125))
    assert GanRecipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe
    assert GanRecipe.from_dict({}) == GanRecipe()


def test_people_see_what_belongs_to_the_loss():
    shown = GanRecipe(augment=DiffAugment(cutout=0.25)).shown()
    assert shown["augment"] == "cutout 0.25"
    assert "gradient_penalty" not in shown
    assert "label_smoothing" in shown
    critic = GanRecipe(loss="wgan-gp").shown()
    assert critic["gradient_penalty"] == 10
    assert "label_smoothing" not in critic
    assert critic["augment"] == "none"
