"""The report says what the run found, whatever there is of it, in one file without a network."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from made_runs import CLASSES, Made, Page, make_dataset, make_run, results_of
from PIL import Image
from sklearn.metrics import confusion_matrix

from automl_sem.reports import sections
from automl_sem.reports.build import (
    CLASSIFIER_SECTIONS,
    GAN_SECTIONS,
    OUTPUT_SECTIONS,
    build_report,
    slug,
)
from automl_sem.reports.sections.verdict import headline
from automl_sem.reports.verdict_words import luck, maximum, proposers
from automl_sem.results import read_results

BASELINE = Made(wrong=range(0, 30, 3), parameters=9000)  # two of each fold
GOOD = Made(wrong=[7], sure=0.95, parameters=3000, rate=0.02)
MIDDLING = Made(wrong=range(0, 40, 10), rate=0.05)


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr("os.fsync", lambda _file: None)


@pytest.fixture
def dataset():
    return make_dataset()


def page_of(run, dataset):
    path = build_report(read_results(run), dataset)
    assert path == run.path / "report.html"
    return Page(path.read_text(encoding="utf-8"))


# The verdict


def test_the_headline_names_the_winner_and_its_numbers(tmp_path, dataset):
    run = make_run(tmp_path / "run", [BASELINE, MIDDLING, GOOD], dataset, fresh=[0, 2])
    page = page_of(run, dataset)
    sentence = (
        "Trial 2 is better than the baseline: 97.8 % against 77.8 % of images right on fresh "
        "folds (its 95 % interval 88.4 to 99.6 %)."
    )
    assert sentence in page.sections["verdict"].replace("\u00a0", " ")
    facts = json.loads((run.path / "report.json").read_text())["sections"]["verdict"]
    assert facts["headline"] == sentence


def test_a_better_log_loss_with_equal_accuracy_is_called_surer(tmp_path, dataset):
    trials = [Made(wrong=[7], sure=0.6), Made(wrong=[7], sure=0.8)]
    results = results_of(tmp_path / "run", trials, dataset, fresh=[0, 1])
    assert results.verdict.word == "better"
    assert "by being surer" in headline(results)
    assert luck(results).startswith("Probably not.")


def scored(tmp_path, dataset, baseline, best):
    trials = [Made(**baseline), Made(**best)]
    results = results_of(tmp_path / "run", trials, dataset, fresh=[0, 1])
    assert results.best.trial.number == 1
    return results, headline(results)


def test_better_by_log_loss_alone_is_said_where_accuracies_hardly_differ(tmp_path, dataset):
    _, said = scored(tmp_path, dataset, {"wrong": [7, 8], "sure": 0.5}, {"wrong": [7], "sure": 0.9})
    assert said == (
        "Trial 1 is better than the baseline by log-loss (0.170 against 0.724), which ranks "
        "trials: 97.8 % against 95.6 % of images right on fresh folds (its 95 % interval 88.4 to "
        "99.6 %)."
    )


def test_better_by_log_loss_though_fewer_are_right_says_so(tmp_path, dataset):
    _, said = scored(tmp_path, dataset, {"wrong": [7], "sure": 0.5}, {"wrong": [7, 8], "sure": 0.9})
    assert said.startswith("Trial 1 is better than the baseline by log-loss (0.2")
    assert "which ranks trials, although 95.6 % against 97.8 % of images are right on" in said


LUCKY = {"wrong": [], "sure": 0.95}  # in the search


@pytest.mark.parametrize(
    ("baseline", "best", "word", "begins"),
    [
        (
            {"wrong": [3], "sure": 0.6},
            {"fresh_wrong": [3, 12]},
            "not distinguishable",
            r"Trial 1 is ahead of the baseline only by log-loss \(\S+ against \S+\), which ranks "
            r"trials, and it could be luck: 95.6 % against 97.8 % of images right",
        ),
        (
            {"wrong": [3, 12, 20], "sure": 0.75},
            {"fresh_wrong": [3, 4], "sure": 0.9999},
            "not distinguishable",
            r"Trial 1 is not ahead of the baseline by log-loss \(\S+ against \S+\), which ranks "
            r"trials, although 95.6 % against 93.3 % of images are right",
        ),
        (
            {"wrong": [3], "sure": 0.9},
            {"fresh_wrong": [3, 4]},
            "not distinguishable",
            r"Trial 1 is not ahead of the baseline: 95.6 % against 97.8 % of images right",
        ),
        (
            {"wrong": [3, 12, 20, 28], "sure": 0.9, "fresh_wrong": [3]},
            {"fresh_wrong": [i for i in range(45) if i % 3]},
            "worse",
            r"Trial 1 won the search by luck, the baseline is better: 33.3 % against 97.8 %",
        ),
        (
            {"wrong": range(30), "fresh_wrong": [3, 4], "sure": 0.9},
            {"sure": 0.45},
            "worse",
            r"Trial 1 won the search by luck, the baseline is better by log-loss \(0.799 against "
            r"\S+\), which ranks trials, although 100.0 % against 95.6 % of images are right",
        ),
    ],
)
def test_the_headline_says_what_decides_where_right_answers_do_not(
    tmp_path, dataset, baseline, best, word, begins
):
    results, said = scored(tmp_path, dataset, baseline, LUCKY | best)
    assert results.verdict.word == word
    assert re.match(begins, said), said
    assert said.count("fresh folds") == 1


def test_before_the_fresh_folds_the_headline_says_what_decides_too(tmp_path, dataset):
    trials = [Made(wrong=[7], sure=0.5), Made(wrong=[7, 8], sure=0.9)]
    said = headline(results_of(tmp_path / "run", trials, dataset, finished=False))
    assert re.match(r"Trial 1 is ahead of the baseline so far by log-loss \(\S+ against", said)
    assert "although 95.6 % against 97.8 % of images are right in the search." in said


@pytest.mark.parametrize(
    ("origins", "said"),
    [
        ((), "It is the baseline."),
        (("good start",), "They are the baseline and 1 good start."),
        (
            ("good start", "good start", "start-up", "model", "model"),
            "They are the baseline, 2 good starts, 1 drawn at random to start with and 2 proposed "
            "by the sampler's model.",
        ),
        (("warm start", "mine"), "They are the baseline, 1 warm start and 1 of unknown origin."),
    ],
)
def test_only_those_who_proposed_a_trial_are_named(tmp_path, dataset, origins, said):
    trials = [BASELINE, *(Made(proposed_by=origin) for origin in origins)]
    assert proposers(results_of(tmp_path / "run", trials, dataset)) == said


def test_a_difference_within_luck_is_not_called_better(tmp_path, dataset):
    trials = [Made(wrong=[3, 12, 20]), Made(wrong=[3, 40])]
    results = results_of(tmp_path / "run", trials, dataset, fresh=[0, 1])
    assert results.verdict.word == "not distinguishable"
    assert "could be luck" in headline(results)
    assert "better than" not in headline(results)
    assert luck(results).startswith("It could be.")


def test_with_as_many_right_nobody_is_called_ahead(tmp_path, dataset):
    trials = [Made(wrong=[3, 12], sure=0.8), Made(wrong=[5], sure=0.8, fresh_wrong=[4, 20])]
    results = results_of(tmp_path / "run", trials, dataset, fresh=[0, 1])
    assert results.verdict.word == "not distinguishable"
    assert results.best.accuracy == results.baseline.accuracy
    assert headline(results).startswith("Trial 1 and the baseline get as many right")
    assert "ahead" not in headline(results)


def test_a_winner_that_loses_on_fresh_folds_is_exposed(tmp_path, dataset):
    lucky = Made(wrong=[], sure=0.95, fresh_wrong=[i for i in range(45) if i % 3])
    results = results_of(tmp_path / "run", [BASELINE, lucky], dataset, fresh=[0, 1])
    assert results.verdict.word == "worse"
    assert "won the search by luck" in headline(results)
    assert "take the baseline" in luck(results)
    assert "usually too good" in maximum(results)


def test_when_no_trial_beats_the_baseline_it_says_so(tmp_path, dataset):
    results = results_of(tmp_path / "run", [GOOD, BASELINE], dataset, fresh=[0])
    assert headline(results).startswith("No trial beat the baseline: it gets 97.8 %")


def test_before_the_fresh_folds_nothing_is_decided(tmp_path, dataset):
    run = make_run(tmp_path / "run", [BASELINE, GOOD], dataset, finished=False)
    page = page_of(run, dataset)
    assert "Trial 1 is ahead of the baseline so far" in page.sections["verdict"]
    assert "not decided yet" in page.sections["verdict"]
    assert "unfinished" in page.text
    assert "fresh folds" not in headline(read_results(run))


def test_the_held_out_test_set_is_said_to_be_untouched_until_it_is_used(tmp_path, dataset):
    run = make_run(tmp_path / "run", [BASELINE, GOOD], dataset, fresh=[0, 1])
    assert "test images were not used" in page_of(run, dataset).sections["verdict"]
    run.record_test_look(trial=1)
    run.record_test_look(trial=1)
    exported = run.path / "export" / "trial-1"
    exported.mkdir(parents=True)
    record = {
        "trial": 1,
        "test": {"n": 9, "accuracy": 8 / 9, "metrics": {}},
        "accuracy_interval": {"low": 0.565, "high": 0.98, "method": "Wilson score"},
        "looks": 2,
    }
    (exported / "export.json").write_text(json.dumps(record))
    text = page_of(run, dataset).sections["verdict"].replace("\u00a0", " ")
    assert "88.9 % of the 9 held-out test images right" in text
    assert "looked at 2 times" in text
    assert "not used" not in text


def test_notes_of_the_loader_and_counts_are_shown(tmp_path, dataset):
    trials = [BASELINE, GOOD, Made(state="PRUNED", reason="NaN"), Made(state="FAIL", reason="x")]
    run = make_run(tmp_path / "run", trials, dataset, fresh=[0, 1])
    text = page_of(run, dataset).sections["verdict"]
    assert "4 trials: 2 complete, 1 pruned, 1 failed" in text
    assert "3 proposed by the sampler's model" in text
    assert "20 fold fits in 1 min 35 s" in text
    assert "images resized to 8x8" in text


def test_images_that_only_one_of_the_two_gets_right_are_counted(tmp_path, dataset):
    trials = [Made(wrong=[1, 2, 3]), Made(wrong=[3, 4], sure=0.95)]
    run = make_run(tmp_path / "run", trials, dataset, fresh=[0, 1])
    text = page_of(run, dataset).sections["verdict"]
    assert "2 only trial 1 gets right, 1 only the baseline, 1 neither." in text


def test_the_python_of_the_report_reads_an_image_of_16_bits(tmp_path, dataset, monkeypatch):
    page = build_report(
        read_results(make_run(tmp_path / "run", [BASELINE, GOOD], dataset, fresh=[0, 1])), dataset
    ).read_text(encoding="utf-8")
    code = html.unescape(re.search(r"<pre><code>(import tensorflow.*?)</code>", page, re.DOTALL)[1])
    pixels = np.random.default_rng(0).integers(0, 65536, (9, 12), np.uint16)
    Image.fromarray(pixels).save(tmp_path / "image.png")
    monkeypatch.chdir(tmp_path)
    found = {}
    exec(code.partition("model = ")[0].removeprefix("import tensorflow as tf\n"), found)
    np.testing.assert_array_equal(found["images"][0, ..., 0], np.rint(pixels / 257))


def test_each_block_of_python_runs_by_itself(tmp_path, dataset, monkeypatch, capsys):
    run = make_run(tmp_path / "run", [BASELINE, GOOD], dataset, fresh=[0, 1])
    page = build_report(read_results(run), dataset).read_text(encoding="utf-8")
    blocks = re.findall(r"<pre><code>(import .*?)</code>", page, re.DOTALL)
    Image.fromarray(dataset.train.x[0, :, :, 0]).save(tmp_path / "image.png")
    monkeypatch.chdir(tmp_path)
    answer = np.array([[0.2, 0.7, 0.1]])
    served = SimpleNamespace(serve=lambda _images: SimpleNamespace(numpy=lambda: answer))
    loads = {
        "tensorflow": SimpleNamespace(saved_model=SimpleNamespace(load=lambda _path: served)),
        "keras": SimpleNamespace(
            models=SimpleNamespace(
                load_model=lambda _path: SimpleNamespace(predict=lambda _x: answer)
            )
        ),
    }
    assert len(blocks) == len(loads)
    for code, (name, module) in zip(blocks, loads.items(), strict=True):
        monkeypatch.setitem(sys.modules, name, module)
        exec(html.unescape(code), {})
        assert capsys.readouterr().out == "rectangle 0.7\n"


# Whatever there is of a run


def test_a_run_without_a_complete_trial_shows_the_reasons(tmp_path, dataset):
    trials = [
        Made(state="FAIL", reason="ValueError: kernel too large"),
        Made(state="PRUNED", reason="the training loss became nan"),
    ]
    page = page_of(make_run(tmp_path / "run", trials, dataset), dataset)
    assert "No trial gave a score" in page.sections["verdict"]
    for reason in ("ValueError: kernel too large", "the training loss became nan"):
        assert reason in page.sections["verdict"]
        assert reason in page.sections["trials"]
    assert {"history", "mistakes", "usage"}.isdisjoint(page.sections)


def test_a_run_before_its_first_trial_has_a_report(tmp_path, dataset):
    page = page_of(make_run(tmp_path / "run", [], dataset, finished=False), dataset)
    assert "No trial has a score yet" in page.sections["verdict"]
    assert "trials" not in page.sections


def test_a_trial_in_progress_is_listed(tmp_path, dataset):
    run = make_run(tmp_path / "run", [BASELINE, Made(state="RUNNING")], dataset, finished=False)
    assert "1 running" in page_of(run, dataset).sections["verdict"]


def test_a_run_of_the_baseline_alone_has_every_section(tmp_path, dataset):
    page = page_of(make_run(tmp_path / "run", [BASELINE], dataset, finished=False), dataset)
    assert "Only the baseline has a score so far" in page.sections["verdict"]
    assert "too few trials to tell" in page.sections["importances"]
    of_some_runs = {"skips", "lstm", "stress", "fakes", "pareto"}  # their own tests say which
    assert {slug(section) for section in CLASSIFIER_SECTIONS} - of_some_runs <= set(page.sections)


@pytest.mark.parametrize("given", [None, make_dataset(n=48)], ids=["gone", "changed"])
def test_without_its_data_pictures_and_confusion_are_left_out_and_that_is_said(
    tmp_path, dataset, given
):
    page = page_of(make_run(tmp_path / "run", [BASELINE, GOOD], dataset, fresh=[0, 1]), given)
    assert not page.find("img")
    assert "confusion" not in page.sections
    assert "data is not there any more, or it has changed" in page.sections["mistakes"]
    assert "77.8 %" in page.sections["verdict"].replace("\u00a0", " ")


def test_every_section_file_is_in_the_list():
    folder = Path(sections.__file__).parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert files == {
        slug(section) for section in (*CLASSIFIER_SECTIONS, *GAN_SECTIONS, *OUTPUT_SECTIONS)
    }


# What strings of people can do


def test_strings_of_people_are_escaped_everywhere(tmp_path):
    classes = ('<b>&"x"</b>', "<script>alert(1)</script>", "</script><img src=x>")
    names = [f"<img src=x onerror=alert({i})>.png" for i in range(45)]
    dataset = make_dataset(class_names=classes, names=names)
    nasty = Made(wrong=[7, 8], sure=0.95, values={"<i>kind</i>": "</script><u>"})
    failed = Made(state="FAIL", reason="<iframe src='http://x'>")
    run = make_run(
        tmp_path / "run", [BASELINE, nasty, failed], dataset, fresh=[0, 1], notes=["<h1>&amp;</h1>"]
    )
    page = page_of(run, dataset)
    used = {tag for tag, _ in page.elements}
    assert used.isdisjoint({"b", "u", "i", "h1", "iframe"})
    assert all(a["src"].startswith("data:image/png") for a in page.find("img"))
    assert all("onerror" not in attributes for _, attributes in page.elements)
    for name in classes:
        assert name in page.sections["confusion"]
    assert names[7] in page.sections["mistakes"]
    assert "<iframe src='http://x'>" in page.sections["trials"]
    assert "<h1>&amp;</h1>" in page.sections["verdict"]
    assert len(page.scripts) == len(figures(page)) + 2  # plotly and our own


def test_plotly_labels_are_escaped(tmp_path):
    classes = [f"<a href='http://x'>{i}</a>" for i in range(15)]
    dataset = make_dataset(n=75, class_names=classes)
    nasty = Made(wrong=[1], sure=0.95, values={"<b>kind</b>": "<i>"}, proposed_by="<s>me</s>")
    run = make_run(tmp_path / "run", [BASELINE, nasty], dataset, fresh=[0, 1])
    drawn = figures(page_of(run, dataset))
    texts = [text for figure in drawn for text in strings(figure)]
    assert "&lt;a href='http://x'&gt;3&lt;/a&gt;" in texts
    allowed = re.compile(r"<br>|</?b>|<extra></extra>")
    for text in texts:
        assert "<" not in allowed.sub("", text), text
    hover = next(text for text in texts if "kind" in text)
    assert "&lt;b&gt;kind&lt;/b&gt; &lt;i&gt;" in hover


def figures(page):
    return [json.loads(text) for a, text in page.scripts if a.get("type") == "application/json"]


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from strings(item)


# One file


def test_the_page_loads_nothing_from_anywhere(tmp_path, dataset):
    run = make_run(tmp_path / "run", [BASELINE, GOOD], dataset, fresh=[0, 1])
    page = page_of(run, dataset)
    assert not page.find("link")
    for tag, attributes in page.elements:
        for name in ("src", "href", "srcset", "data", "action", "poster", "xlink:href"):
            assert attributes.get(name, "#").startswith(("#", "data:")), (tag, attributes)
    style = " ".join(page.styles) + " ".join(a.get("style", "") for _, a in page.elements)
    assert "url(" not in style
    assert "@import" not in style


def test_the_browser_is_told_to_load_nothing_and_to_run_only_our_scripts(tmp_path, dataset):
    page = page_of(make_run(tmp_path / "run", [BASELINE], dataset), dataset)
    (policy,) = [a["content"] for a in page.find("meta") if "http-equiv" in a]
    rules = dict(rule.split(maxsplit=1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data: blob:"
    assert "unsafe" not in rules["script-src"]
    run = [text for attributes, text in page.scripts if "type" not in attributes]
    assert len(run) == 2
    for script in run:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in rules["script-src"]


def test_plotly_is_left_out_where_there_is_no_chart(tmp_path, dataset):
    run = make_run(tmp_path / "run", [Made(state="FAIL", reason="x")], dataset)
    page_of(run, dataset)
    assert (run.path / "report.html").stat().st_size < 100_000


def test_an_older_report_is_replaced_and_nothing_else_is_left(tmp_path, dataset):
    run = make_run(tmp_path / "run", [BASELINE], dataset)
    before = {path.name for path in run.path.iterdir()}
    (run.path / "report.html").write_text("old")
    page_of(run, dataset)
    assert {path.name for path in run.path.iterdir()} - before == {"report.html", "report.json"}


def test_plotly_accepts_every_chart(tmp_path):
    import plotly.graph_objects as go

    dataset = make_dataset(n=75, class_names=[f"class {i}" for i in range(15)])
    trials = [BASELINE, *(Made(wrong=[i], rate=10 ** -(i / 4)) for i in range(12))]
    trials.append(Made(state="PRUNED", reason="NaN"))
    page = page_of(make_run(tmp_path / "run", trials, dataset, fresh=[0, 1]), dataset)
    drawn = figures(page)
    assert len(drawn) == 5
    for figure in drawn:
        text = re.sub(r"var\(--\w+\)", "#123456", json.dumps(figure))
        go.Figure(json.loads(text))
    names = {match for figure in drawn for s in strings(figure) for match in colour_names(s)}
    defined = {name for style in page.styles for name in re.findall(r"(--\w+):", style)}
    assert names
    assert names <= defined


def test_panels_side_by_side_have_an_axis_each_so_that_they_can_be_stacked(tmp_path, dataset):
    run = make_run(tmp_path / "run", [BASELINE, GOOD], dataset, fresh=[0, 1])
    _history, folds, curves = (figure["layout"] for figure in figures(page_of(run, dataset)))
    assert folds["yaxis"]["ticktext"] == ["trial 1", "baseline"]
    assert folds["xaxis"]["title"]["text"] == "accuracy<br>(right is better)"
    assert curves["yaxis2"]["anchor"] == "x2"
    assert curves["xaxis"]["domain"][1] < curves["xaxis2"]["domain"][0]


def colour_names(text):
    return re.findall(r"var\((--\w+)\)", text)


# What it shows is what there is


def test_the_confusion_matrix_is_that_of_scikit_learn(tmp_path, dataset):
    wrong = [0, 3, 7, 22]
    run = make_run(tmp_path / "run", [Made(wrong=wrong)], dataset, fresh=[0])
    page = page_of(run, dataset)
    best = read_results(run).best
    rows = np.concatenate([fold.indices for fold in best.folds.folds])
    said = np.concatenate([fold.probabilities.argmax(axis=1) for fold in best.folds.folds])
    expected = confusion_matrix(dataset.train.y[rows], said)
    facts = json.loads((run.path / "report.json").read_text())["sections"]["confusion"]
    assert facts == {"class_names": list(CLASSES), "counts": expected.tolist()}
    table = page.sections["confusion"]
    for name, counts in zip(CLASSES, expected, strict=True):
        assert f"{name} {' '.join(map(str, counts))} " in table


def test_the_pictures_are_the_mistaken_images_the_most_wrong_first(tmp_path, dataset):
    made = Made(wrong=[4, 9, 30, 41], surer={9: 0.99, 41: 0.6, 4: 0.7, 30: 0.8})
    page = page_of(make_run(tmp_path / "run", [made], dataset, fresh=[0]), dataset)
    shown = [decoded(a["src"]) for a in page.find("img")]
    assert len(shown) == 4
    for row, picture in zip([9, 30, 4, 41], shown, strict=True):
        np.testing.assert_array_equal(picture, dataset.train.x[row, :, :, 0])
    (first, *_) = page.find("img")
    assert first["alt"] == "drawing 9.png: circle, taken for rectangle"
    assert "99.0" in page.sections["mistakes"]


def test_without_mistakes_the_least_sure_images_are_shown(tmp_path, dataset):
    made = Made(surer={17: 0.5, 3: 0.6})
    page = page_of(make_run(tmp_path / "run", [made], dataset, fresh=[0]), dataset)
    assert "got all 45 images right" in page.sections["mistakes"]
    shown = [decoded(a["src"]) for a in page.find("img")]
    np.testing.assert_array_equal(shown[0], dataset.train.x[17, :, :, 0])
    np.testing.assert_array_equal(shown[1], dataset.train.x[3, :, :, 0])


def decoded(source):
    """Return a picture at its own size again, 8x8."""
    png = base64.b64decode(source.removeprefix("data:image/png;base64,"))
    large = np.array(Image.open(io.BytesIO(png)))
    return large[:: len(large) // 8, :: len(large) // 8]


def test_the_table_holds_every_trial_the_best_first(tmp_path, dataset):
    trials = [BASELINE, GOOD, Made(state="FAIL", reason="boom")]
    page = page_of(make_run(tmp_path / "run", trials, dataset, fresh=[0, 1]), dataset)
    values = [a["data-value"] for a in page.find("td", **{"class": "number"})]
    assert values[::5] == ["1", "0", "2"]
    assert float(values[1]) == pytest.approx(44 / 45)
    assert "boom" in page.sections["trials"]
    assert "rate 0.02" in page.sections["trials"]


def test_the_history_draws_the_best_so_far(tmp_path, dataset):
    trials = [MIDDLING, BASELINE, GOOD, MIDDLING]
    run = make_run(tmp_path / "run", trials, dataset, fresh=[0, 2])
    losses = [t.objective for t in read_results(run).trials]
    history = figures(page_of(run, dataset))[0]
    line = next(trace for trace in history["data"] if trace["name"] == "best so far")
    assert line["y"][:4] == pytest.approx([losses[0], losses[0], losses[2], losses[2]])
    names = [trace["name"] for trace in history["data"]]
    assert {"baseline", "sampler's model"} <= set(names)


def test_report_json_holds_trials_and_verdict(tmp_path, dataset):
    trials = [BASELINE, GOOD, Made(state="FAIL", reason="boom")]
    run = make_run(tmp_path / "run", trials, dataset, fresh=[0, 1])
    page_of(run, dataset)
    report = json.loads((run.path / "report.json").read_text())
    assert report["best"]["trial"] == 1
    assert report["verdict"]["word"] == "better"
    assert [t["state"] for t in report["all_trials"]] == ["complete", "complete", "failed"]
    assert report["all_trials"][2]["reason"] == "boom"
    assert [m["row"] for m in report["sections"]["mistakes"]["mistakes"]] == [7]
