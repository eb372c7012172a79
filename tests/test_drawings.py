"""The whole way on real drawings: search, export, predict, report."""

import json

import pytest
from conftest import DRAWINGS

from automl_sem.api import load_run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DRAWINGS.is_dir(), reason=f"the real drawings are not at {DRAWINGS}"),
]


def test_real_drawings_are_searched_exported_and_classified(call):
    code, out, err = call(
        "search", DRAWINGS, "--trials", 3, "--epochs", 30, "--json", "--out", "run"
    )
    assert code == 0, err
    found = json.loads(out)
    assert found["trials"] == 3
    trained = 3 * 5 - found["fold_fits_saved"]
    assert found["fold_fits"] == trained + 5 * len({found["best"]["trial"], 0})
    assert found["best"]["accuracy"] >= 0.9
    run = load_run(call.directory / "run")
    data = run.directory.manifest.data
    assert data["class_names"] == ["circle", "rectangle", "triangle"]
    assert (data["train_examples"], data["test_examples"]) == (45, 15)
    assert data["input_shape"] == [24, 24, 1]

    code, out, err = call("export", "--best", "--json")
    assert code == 0, err
    exported = json.loads(out)
    assert exported["trial"] == found["best"]["trial"]
    assert {f["name"] for f in exported["formats"]} == {"keras", "saved-model"}
    assert all(f["verified"] and f["max_abs_diff"] <= 1e-5 for f in exported["formats"])
    assert exported["test"]["n"] == 15
    assert exported["test"]["accuracy"] >= 0.8
    assert run.directory.test_looks() == 1

    again = json.loads(call("export", "--best", "--json")[1])
    assert again["test"] == exported["test"]
    assert run.directory.test_looks() == 1

    files = sorted((DRAWINGS / "test").glob("*/*.png"))
    _, out, _ = call("predict", exported["path"], *files, "--json")
    predictions = json.loads(out)["predictions"]
    hits = [p["class"] == f.parent.name for p, f in zip(predictions, files, strict=True)]
    assert sum(hits) / len(hits) == pytest.approx(exported["test"]["accuracy"])
    assert all(sum(p["probabilities"].values()) == pytest.approx(1, abs=1e-3) for p in predictions)

    assert (call.directory / "run" / "report.html").stat().st_size > 1_000_000
    code, out, _ = call("show")
    assert code == 0
    assert f"trial {exported['trial']}" in out
