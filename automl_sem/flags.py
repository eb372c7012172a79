"""The flags of the command line, with the line that `--help` says of each.

A flag that is an option of `config.SearchOptions` is None where it was not given, so that files and
the environment are asked; `show_default` says what holds then.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

TRIALS_HELP = "Trials in all, the baseline included."
DISCARD_HELP = "When to drop a hopeless candidate: forgiving, paired, wilcoxon or none."

Json = Annotated[bool, Option("--json", help="Print one JSON object on stdout.")]
Run = Annotated[
    Path | None, Argument(metavar="[RUN]", help="Run directory; the latest by default.")
]

Target = Annotated[str | None, Argument(help="A space, a .py file, a dataset or a path to data.")]
Data = Annotated[str | None, Option(help="Dataset, folder, CSV table, .npz or .ts file.")]
Space = Annotated[str | None, Option(help="Space: a name or a .py file.")]
Trials = Annotated[int | None, Option(help=TRIALS_HELP, show_default="13")]
Time = Annotated[str | None, Option(help="Start no new trial after this time: 90s, 5m, 1h30m.")]
Folds = Annotated[int | None, Option(help="Number of folds.", show_default="5; 3 for GANs")]
Epochs = Annotated[int | None, Option(help="Fix the epochs of every trial.")]
BatchSize = Annotated[int | None, Option(help="Fix the batch size.")]
Weights = Annotated[
    Path | None, Option(metavar="FILE", help="Pretrained model (.keras) or export to build on.")
]
WarmStart = Annotated[
    Path | None, Option(metavar="RUN", help="Try the best trials of another run early.")
]
AugmentWith = Annotated[
    str | None,
    Option(
        metavar="gan|EXPORT|RUN",
        help="Let classifiers learn from images that a GAN draws as well, where that helps: the "
        "built-in GAN, or that of an export or of the best trial of a run.",
    ),
]
Seed = Annotated[int | None, Option(help="Seed of the whole run.", show_default="0")]
TestSeed = Annotated[
    int | None, Option("--seed", help="Seed of the choice of a test part.", show_default="0")
]
Out = Annotated[Path | None, Option(help="Run directory.", show_default="runs/DATE-TIME-NAME")]
Size = Annotated[int | None, Option(help="Training examples of shapes, motion or strokes.")]
ImageSize = Annotated[int | None, Option(help="Resize images and frames to so many pixels a side.")]
Pad = Annotated[
    bool | None,
    Option(
        "--pad/--no-pad",
        help="Fill images and frames of another shape up, do not stretch them.",
        show_default="no-pad",
    ),
]
Groups = Annotated[
    str | None,
    Option(
        metavar="COLUMN|REGEX",
        help="What belongs together and stays in one fold: a column of the CSV table, or a regular "
        "expression on names of files or clips, such as '^([^_]+)_'.",
    ),
]
Kind = Annotated[
    str | None,
    Option(
        metavar="images|clips|series",
        help="What a folder, a table or the arrays of an .npz file hold.",
        show_default="found out",
    ),
]
Task = Annotated[
    str | None,
    Option(
        metavar="classification|multi-label|regression",
        help="What is to be learnt: a class, any number of labels, or numbers.",
        show_default="found out",
    ),
]
Frames = Annotated[
    int | None,
    Option(help="Frames to take of each clip.", show_default="16, fewer if most clips are shorter"),
]
Rate = Annotated[
    float | None,
    Option(
        help="Frames to take of a clip in a second, from its middle.",
        show_default="evenly over the whole clip",
    ),
]
SkipBad = Annotated[
    bool | None,
    Option(
        "--skip-bad/--no-skip-bad",
        help="Leave out images and clips that cannot be read.",
        show_default="no-skip-bad",
    ),
]
Workers = Annotated[
    str | None,
    Option(
        help="Trials at a time, each in a process: auto, or how many; 0: in this process.",
        show_default="auto",
    ),
]
WorkersPerGpu = Annotated[int | None, Option(help="Workers that share a GPU.", show_default="1")]
SearchGpus = Annotated[
    str | None, Option("--gpus", help="GPUs to search on: all, or how many.", show_default="all")
]
Stress = Annotated[
    str | None,
    Option(
        help="Score under distortions that labels survive as well: of images and clips "
        "rotate=180,scale,shift,shear,stroke,noise, of clips and series "
        "speed=0.5,start,warp,crop,drop, of series noise=0.3,channels; or none.",
        show_default="the space's own",
    ),
]
Discard = Annotated[str | None, Option(help=DISCARD_HELP, show_default="forgiving")]
Engine = Annotated[
    str | None,
    Option(help="Who proposes candidates: optuna or keras-tuner.", show_default="optuna"),
]
Sampler = Annotated[
    str | None,
    Option(help="Optuna's sampler: tpe, random, qmc, cmaes or nsga2.", show_default="tpe"),
]
Oracle = Annotated[
    str | None,
    Option(
        help="KerasTuner's oracle: random, bayesian, hyperband or grid.", show_default="bayesian"
    ),
]
Deterministic = Annotated[
    bool | None,
    Option(
        "--deterministic/--no-deterministic",
        help="Give the same study each time with several workers, too.",
        show_default="no-deterministic",
    ),
]
Yes = Annotated[
    bool | None,
    Option(
        "--yes/--no-yes",
        help="Search even where it will take very long.",
        show_default="no-yes",
    ),
]
Config = Annotated[
    str | None,
    Option(
        metavar="FILE|none",
        help="File with options.",
        show_default="the nearest automl-sem.toml or pyproject.toml",
    ),
]
Objective = Annotated[
    str | None,
    Option(
        metavar="NAME[,NAME]",
        help="What is best: a metric such as accuracy, macro_f1 or auc, any of scikit-learn or "
        "Keras, or FILE.py:function:max; with a cost (params, size_mb, latency_ms, memory_mb) "
        "behind it, as in accuracy,params, a front of both.",
        show_default="log_loss",
    ),
]
MaxParams = Annotated[
    str | None, Option(metavar="N", help="Most weights of a candidate: 50000, 50k, 1.5M.")
]
MaxSizeMb = Annotated[
    float | None, Option(metavar="MB", help="Most MB of a candidate's weights in a file.")
]
MaxLatencyMs = Annotated[
    float | None,
    Option(metavar="MS", help="Longest time for one example, measured on this machine."),
]
MaxMemory = Annotated[
    str | None,
    Option(metavar="MB", help="Most memory for one example, by an estimate: 512kB, 64MB, 1.5GB."),
]
Pick = Annotated[
    str | None,
    Option(
        metavar="best|knee|smallest-within-1se",
        help="Which trial: the best; where the front of score and cost bends; or the smallest "
        "within one standard error of the best.",
    ),
]
DryRun = Annotated[bool, Option("--dry-run", help="Say what would be searched, and stop.")]
