"""`automl-sem export`, and what uses an export: `predict`, `generate`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from automl_sem import flags
from automl_sem.cli.output import print_json, say, say_next, tell
from automl_sem.errors import UserError

# What `predict` may be given, by the kind of data.
EXAMPLES = {"images": "IMAGE.png", "clips": "CLIP.mp4", "series": "SERIES.ts"}


def export(
    run: flags.Run = None,
    best: Annotated[bool, Option("--best", help="The best trial (the default).")] = False,
    trial: Annotated[int | None, Option(help="Another trial, by its number.")] = None,
    pick: flags.Pick = None,
    format: Annotated[
        str | None,
        Option(help="Formats, separated by commas.", show_default="keras,saved-model"),
    ] = None,
    gpus: Annotated[
        str | None, Option(help="GPUs to train on: all, or how many.", show_default="all")
    ] = None,
    config: flags.Config = None,
    force: Annotated[bool, Option("--force", help="Retrain even if the export is there.")] = False,
    as_json: flags.Json = False,
) -> None:
    """Retrain the best trial, export it, verify it."""
    given = dict(locals())  # the flags by name, None where one was not given
    if best + (trial is not None) + (pick is not None) > 1:
        raise UserError("--best, --trial and --pick exclude each other", where="export")
    if pick == "smallest-within" and run == Path("1se") and not run.exists():
        run = None  # said as two words
    from automl_sem.settings import read_settings

    chosen = read_settings(config).choose("export", given)
    tell(chosen, as_json)
    from automl_sem import api

    found = api.load_run(run)
    pick = None if best or trial is not None else chosen.checked.pick
    if pick is not None:
        with chosen.blamed():
            trial = found.pick(pick)
        say(f"--pick {pick}: trial {trial}")
    try:
        with chosen.blamed():
            result = found.export(
                trial,
                formats=chosen.checked.format,
                gpus=chosen.checked.gpus,
                force=force,
                say=say,
            )
    except KeyboardInterrupt:
        say("\ninterrupted; the same command goes on where it was")
        sys.exit(130)
    if as_json:
        print_json(result.to_json())
        return
    print(result.summary())
    exported = shlex.quote(str(result.path))
    if result.generates:
        say_next(f"generate {exported} --n 64")
    else:
        say_next(f"predict {exported} {EXAMPLES[result.kind]}")


def predict(
    exported: Annotated[Path, Argument(metavar="EXPORT", help="An export directory, or a run.")],
    files: Annotated[
        list[Path],
        Argument(
            help="Images; clips (videos, animations, folders of frames); or series (.ts, .npz or "
            "CSV files): what the model was trained on. Or folders of such."
        ),
    ],
    as_json: flags.Json = False,
) -> None:
    """Say what an exported model sees in images, clips or series."""
    from automl_sem.export import predict as predict_files

    predictions = predict_files(exported, files)
    if as_json:
        print_json({"schema_version": 1, "predictions": [p.to_json() for p in predictions]})
        return
    width = max(len(p.file) for p in predictions)
    for prediction in predictions:
        print(f"{prediction.file:<{width}}  {prediction}")


def generate(
    exported: Annotated[Path, Argument(metavar="EXPORT", help="An export of a GAN, or a run.")],
    n: Annotated[int, Option("--n", help="How many images.")] = 64,
    class_name: Annotated[
        str | None,
        Option("--class", help="What they show.", show_default="each class"),
    ] = None,
    out: Annotated[Path, Option(metavar="DIR", help="Where to write them.")] = Path("drawn"),
    seed: Annotated[int, Option(help="Another one draws other images.")] = 0,
) -> None:
    """Draw images with an exported generator."""
    from automl_sem.export.generate import SHEET
    from automl_sem.export.generate import generate as draw_files

    files = draw_files(exported, out, n, class_name, seed)
    print(f"{len(files)} images in {out}, many of them on {out / SHEET}")
