"""What a model card says of a kind of data: what goes in, and what holds for nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automl_sem.export.record import kind_of, task_of

Record = Mapping[str, Any]  # what `export.json` holds


def what_it_sorts(record: Record) -> str:
    """Return what a model sorts, such as `grey images`."""
    kind, channels = kind_of(record), record["channels"]
    if kind != "series":
        return f"{'grey' if channels == 1 else 'colour'} {kind}"
    names = record["channel_names"]
    which = f" ({', '.join(names)})" if names else ""
    return f"series of {channels} channel{'s' * (channels > 1)}{which}"


def what_it_does(record: Record) -> str:
    """Return what a model does, such as `sorts grey images into 3 classes: a, b, c`."""
    names, task = record["class_names"], task_of(record)
    listed = ", ".join(names)
    if task == "regression":
        what = f"{len(names)} number{'s' * (len(names) > 1)}"
        return f"predicts {what} from {what_it_sorts(record)}: {listed}"
    if task == "multi-label":
        return f"says which of {len(names)} labels {what_it_sorts(record)} have: {listed}"
    return f"sorts {what_it_sorts(record)} into {len(names)} classes: {listed}"


def what_comes_out(record: Record) -> str:
    """Return what comes out, in a sentence."""
    return {
        "classification": "Class probabilities come out, float32, in the order above.",
        "multi-label": "The probability of each label comes out, float32, in the order above; a "
        "label is said from one half on.",
        "regression": "Numbers in their own units come out, float32, in the order above.",
    }[task_of(record)]


def what_goes_in(record: Record) -> str:
    """Return which raw examples go in and what becomes of them, in some sentences."""
    say = {"images": _images, "clips": _clips, "series": _series}
    return " ".join(say[kind_of(record)](record))


def limits(record: Record) -> list[str]:
    """Return what a model was not made for, one sentence each."""
    kind = kind_of(record)
    one = kind if kind == "series" else kind.removesuffix("s")
    otherwise = {
        "images": "drawn, scanned or photographed otherwise",
        "clips": "drawn, filmed or cut otherwise",
        "series": "in other units, at another rate or from another device",
    }[kind]
    answers = {
        "classification": "with one of its classes for any {one}, also for one that shows none of "
        "them",
        "multi-label": "for any {one}, also for one unlike all that it has seen",
        "regression": "with numbers for any {one}, also for one that has no such number",
    }[task_of(record)]
    said = [
        f"It answers {answers.format(one=one)}.",
        f"Its scores hold for {kind} like those it was trained on: {otherwise}, it may do worse.",
    ]
    if kind == "series":
        steps = record["trained_length"]
        said.append(f"No series had more than {steps} steps: on longer ones nothing is known.")
    return said


def _images(record: Record) -> list[str]:
    height, width = record["trained_size"]
    return [
        f"Raw images go in, uint8 (batch, height, width, {record['channels']}) of any height and "
        f"width; it scales them to {height}x{width} itself{_filled(record)}."
    ]


def _clips(record: Record) -> list[str]:
    height, width = record["trained_size"]
    frames, rate = record["trained_frames"], record["rate"]
    said = [
        f"Raw clips go in, uint8 (batch, frames, height, width, {record['channels']}) of any "
        f"number of frames, height and width; it takes {frames} frames evenly from the first to "
        f"the last and scales them to {height}x{width} itself{_filled(record)}."
    ]
    if rate is not None:
        said.append(
            f"It was trained on {rate:g} frames a second from the middle of each clip: give it "
            f"these {frames}, as below."
        )
    return said


def _series(record: Record) -> list[str]:
    channels, length, fixed = (
        record[key] for key in ("channels", "trained_length", "fixed_length")
    )
    said = [
        f"Raw series go in, float32 (batch, time, {channels}), in the units of the data and of any "
        f"length; those that it was trained on have up to {length} steps. NaN in all channels "
        "behind the end of shorter ones fills up a batch. It standardises the values itself.",
        "Values that are missing within a series were filled in on a line between their "
        "neighbours in time, as below; a NaN that is left counts as the mean of its channel.",
    ]
    if fixed is not None:
        said.append(
            f"Its network takes {fixed} steps: shorter series are filled up, and of longer ones "
            "the first of them are taken."
        )
    return said


def _filled(record: Record) -> str:
    if record.get("pad") is None:
        return ""
    return f", keeping their shape: it fills them up with {record['pad']} (0 black, 255 white)"
