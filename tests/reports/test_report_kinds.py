"""The report of a search on clips or series speaks of clips or series, and shows them."""

from __future__ import annotations

import json
import re

import pytest
from made_runs import Made, Page, make_clips, make_dataset, make_run, make_series

from automl_sem.reports.build import build_report
from automl_sem.reports.pictures import pictures_of
from automl_sem.results import read_results
from automl_sem.scoring.stress import StressFolds

MAKE = {"clips": make_clips, "series": make_series}
STRESS = {"noise": 0.05}
WEAK = {"noise 0.05": [7]}
BASELINE = Made(wrong=range(0, 30, 3), sure=0.8, stress_wrong=WEAK)
GOOD = Made(wrong=[7], sure=0.95, stress_wrong=WEAK)


UNSEEN = {"clips": ("perspective 0.3", "blur 1"), "series": ("drift 0.5", "smoothing 0.1")}


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr("os.fsync", lambda _file: None)


@pytest.fixture(params=["clips", "series"])
def kind(request):
    return request.param


@pytest.fixture
def dataset(kind):
    return MAKE[kind]()


@pytest.fixture
def run(tmp_path, dataset):
    return make_run(tmp_path / "run", [BASELINE, GOOD], dataset, fresh=[0, 1], stress=STRESS)


def page_of(run, dataset):
    html = build_report(read_results(run), dataset).read_text(encoding="utf-8")
    return Page(html.replace("\u00a0", " "))


@pytest.mark.parametrize("there", [True, False], ids=["with its data", "without its data"])
def test_nothing_is_called_an_image(run, dataset, kind, there):
    page = page_of(run, dataset if there else None)
    said = [
        page.text,
        *(a.get("alt", "") + a.get("aria-label", "") for _, a in page.elements),
        *(text for a, text in page.scripts if a.get("type") == "application/json"),
        (run.path / "report.json").read_text(),
    ]
    for text in said:
        assert not re.search(r"\bimages?\b", text, re.IGNORECASE), text
    assert f"of {kind} right" in page.sections["verdict"]
    assert f"training {kind}" in page.sections["verdict"]
    assert f"distorted {kind}" in page.sections["stress"]


def test_images_are_called_so_without_their_data(tmp_path):
    dataset = make_dataset()
    run = make_run(tmp_path / "run", [BASELINE, GOOD], dataset, fresh=[0, 1])
    assert "of images right" in page_of(run, None).sections["verdict"]


def test_one_of_them_is_called_by_its_name(run, dataset, kind):
    page = page_of(run, dataset)
    one = {"clips": "clip", "series": "series"}[kind]
    assert f"one {one} more or less" in page.sections["verdict"]
    assert f"One held-out {one} under each distortion" in page.sections["stress"]


def test_the_size_of_an_example_is_said_in_its_units(run, dataset, kind):
    size = {
        "clips": "each 8 frames of 12 \u00d7 12 \u00d7 1.",
        "series": "each of up to 30 steps with 2 channels.",
    }
    assert size[kind] in page_of(run, dataset).sections["verdict"]


def test_mistakes_and_distorted_copies_are_shown(run, dataset, kind):
    page = page_of(run, dataset)
    svg = [a["aria-label"] for a in page.find("svg", **{"class": "curves"})]
    moving = [a["alt"] for a in page.find("img", **{"class": "moving"})]
    shown = moving if kind == "clips" else svg
    name = dataset.train.names[7]
    mistake = [text for text in shown if text.startswith(f"{name}: down, taken for still")]
    assert kind == "series" or len(mistake) == 1
    conditions = ("as it is", "noise 0.025", "noise 0.05", *UNSEEN[kind])
    for condition in conditions:
        assert sum(f", {condition}, " in text for text in shown) == 1
    assert bool(svg) == (kind == "series")
    assert bool(moving) == (kind == "clips")


def test_the_mistakes_of_series_are_their_curves(tmp_path):
    dataset = make_series()
    run = make_run(tmp_path / "run", [Made(wrong=[7])], dataset, fresh=[0])
    page = page_of(run, dataset)
    first = page.find("svg", **{"class": "curves"})[0]
    assert first["aria-label"] == "recording 7: middle, taken for fast, curves of 20 steps"
    facts = json.loads((run.path / "report.json").read_text())["sections"]["mistakes"]
    assert [m["name"] for m in facts["mistakes"]] == ["recording 7"]
    assert "x y" in page.sections["mistakes"]


RECORD = {
    "clips": {"kind": "clips", "rate": None, "channels": 1, "trained_frames": 8},
    "series": {"kind": "series", "channels": 2, "channel_names": ["x", "y"], "means": [1.0, 10.0]},
}


def test_before_an_export_no_python_for_images_is_shown(run, dataset):
    usage = page_of(run, dataset).sections["usage"]
    assert "automl-sem predict" in usage
    assert "stand in MODEL_CARD.md of the export, once there is one." in usage
    assert "PIL" not in usage


def test_after_an_export_python_reads_what_the_data_are(run, dataset, kind):
    exported = run.path / "export" / "trial-1"
    exported.mkdir(parents=True)
    (exported / "export.json").write_text(json.dumps(RECORD[kind]))
    usage = page_of(run, dataset).sections["usage"]
    assert f"model.serve({kind})" in usage
    assert {"clips": "clips = np.stack", "series": "np.load"}[kind] in usage
    assert "stand in MODEL_CARD.md of the export." in page_of(run, None).sections["usage"]


def test_distorted_copies_are_drawn_as_they_were_scored(run, dataset, kind):
    html = build_report(read_results(run), dataset).read_text(encoding="utf-8")
    best = read_results(run).best
    (part,) = [f.stress for f in best.folds.folds if 7 in f.stress.rows]
    copies = StressFolds(STRESS, dataset.train, run.manifest.seed).examples(part.rows, 7)
    pictures, name = pictures_of(dataset), dataset.train.names[7]
    for condition, copy in copies.items():
        assert pictures.draw(copy, f"{name}, {condition}") in html
