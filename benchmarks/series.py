"""Accuracy on the archive's series against the standard classifiers: ours, LSTM-FCN, MiniRocket.

    python benchmarks/series.py [--quick] [--write] [--sets A,B] [--sides A,B] [--table]

The data: six sets of the UEA and UCR archives (timeseriesclassification.com) that lie in the aeon
package, with the archive's split into a training and a test part.

- ours: `search --time 10m` and `export --best`, whose test result counts.
- LSTM-FCN: sktime's LSTMFCNClassifier with 100 epochs and batches of 16, and its defaults.
- MiniRocket: aeon's MiniRocketClassifier with its defaults, on as many cores as there are.

The peers (`series_peers.py`) have an environment of their own, which this script makes in `--peers`
unless it is there. The test parts are never used to choose anything. The clock is that of whole
processes; the sides take turns at being first. Some 80 minutes on 2 cores.

What a side came to on a set is kept at once in `recorded/series-SET-SIDE.json`, and is not measured
again: an interrupted benchmark goes on where it was. `--table` measures nothing, and makes the
table of what is recorded.

Goals: at least LSTM-FCN's accuracy on each set, within our Wilson interval; on average at least
MiniRocket's.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from environments import caches, python_with, versions_in
from exported import export, search
from measure import MIB, arguments, goal, measured_on, publish, run_measured, table

from automl_sem import environment, load_run
from automl_sem.scoring.metrics import wilson_interval

HERE = Path(__file__).parent
RECORDED = HERE / "recorded"
SETS = (
    "BasicMotions",
    "JapaneseVowels",
    "ItalyPowerDemand",
    "GunPoint",
    "ArrowHead",
    "OSULeaf",
)
OURS, LSTM_FCN, MINIROCKET = "ours", "lstm-fcn", "minirocket"
NAMES = {OURS: "ours", LSTM_FCN: "LSTM-FCN", MINIROCKET: "MiniRocket"}
PACKAGES = ("aeon==1.6.0", "sktime==1.2.0", "tensorflow==2.21.*", "keras==3.15.*")
VERSIONS = ("aeon", "sktime", "tensorflow", "keras", "numba", "scikit-learn")
QUICK = {"minutes": 0.5, "epochs": 2, "sets": ("GunPoint",)}


@dataclass(frozen=True)
class Outcome:
    """What one side came to.

    Args:
        hits: How many test series it gets right.
        tested_on: How many there are.
        seconds: Wall clock of its processes.
        peak_mib: Most memory of all its processes at a time, MiB.
        search_s: Of the seconds, those of the search; 0 for peers.
        trials: Trials of the search; 0 for peers.
    """

    hits: int
    tested_on: int
    seconds: float
    peak_mib: float
    search_s: float = 0.0
    trials: int = 0

    @property
    def accuracy(self) -> float:
        """Share of the test part that is right."""
        return self.hits / self.tested_on

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson interval of the accuracy, 95 %."""
        interval = wilson_interval(self.hits, self.tested_on)
        return interval.low, interval.high


@dataclass(frozen=True)
class Record:
    """What is kept of one side on one set.

    Args:
        data: Name of the set.
        side: Of `NAMES`.
        setting: What the side was told, for people.
        outcome: What it came to.
        machine: What it ran on.
        versions: Of the packages it ran with.
        date: When it was measured, UTC.
    """

    data: str
    side: str
    setting: str
    outcome: Outcome
    machine: str
    versions: str
    date: str


def main() -> None:
    """Measure what is not recorded yet, print, and write if asked to."""
    parser = arguments(__doc__)
    parser.add_argument("--sets", type=among(SETS), default=SETS, help="default: all")
    parser.add_argument("--sides", type=among(tuple(NAMES)), default=tuple(NAMES))
    parser.add_argument("--minutes", type=float, default=10, help="of our search, default 10")
    parser.add_argument("--epochs", type=int, default=100, help="of LSTM-FCN, default 100")
    parser.add_argument("--seed", type=int, default=0, help="default 0")
    parser.add_argument("--peers", type=Path, metavar="DIR", default=caches() / "series-peers")
    parser.add_argument("--records", type=Path, metavar="DIR", default=RECORDED)
    parser.add_argument("--runs", type=Path, metavar="DIR", help="keep our runs here")
    parser.add_argument("--table", action="store_true", help="measure nothing")
    options = parser.parse_args()
    failed = []
    with tempfile.TemporaryDirectory() as scratch:
        if options.quick:
            vars(options).update(QUICK, records=Path(scratch) / "recorded")
        settings = settings_of(options.minutes, options.epochs, options.seed)
        if not options.table:
            failed = measure_all(options, settings, Path(scratch))
        records = read_all(options.records, settings)
    if not records:
        raise SystemExit("nothing is recorded")
    figures = {"records": [asdict(record) for record in records]}
    publish(describe(records, settings), figures, options, setting=setting_of(records))
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


def among(names: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    """Return a parser of `A,B` that takes these names."""

    def parse(text: str) -> tuple[str, ...]:
        said = tuple(text.split(","))
        if unknown := [name for name in said if name not in names]:
            raise argparse.ArgumentTypeError(
                f"unknown: {', '.join(unknown)}. Choose from {', '.join(names)}"
            )
        return said

    return parse


def settings_of(minutes: float, epochs: int, seed: int) -> dict[str, str]:
    """Return what each side is told, in words that tell one setting from another."""
    return {
        OURS: f"{minutes:g} minutes of search, seed {seed}",
        LSTM_FCN: f"{epochs} epochs, batches of 16, seed {seed}",
        MINIROCKET: f"seed {seed}",
    }


def record_file(folder: Path, data: str, side: str) -> Path:
    """Return where the record of a side on a set is kept."""
    return folder / f"series-{data}-{side}.json"


def read_record(folder: Path, data: str, side: str, setting: str) -> Record | None:
    """Return what is recorded of a side on a set; None if nothing is.

    Raises:
        SystemExit: If it was measured with another setting.
    """
    file = record_file(folder, data, side)
    if not file.exists():
        return None
    content = json.loads(file.read_text(encoding="utf-8"))
    record = Record(**{**content, "outcome": Outcome(**content["outcome"])})
    if record.setting != setting:
        raise SystemExit(
            f"{file.name} has {record.setting}, not {setting}: remove it to measure again, "
            "or keep other records elsewhere with --records"
        )
    return record


def write_record(folder: Path, record: Record) -> None:
    """Keep a record, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    file = record_file(folder, record.data, record.side)
    half = file.with_suffix(".half")
    half.write_text(json.dumps(asdict(record), indent=1) + "\n", encoding="utf-8")
    half.replace(file)


def read_all(folder: Path, settings: Mapping[str, str]) -> list[Record]:
    """Return all that is recorded, set by set.

    Raises:
        SystemExit: If a record has another setting, or sides were tested on different numbers of
            series.
    """
    found = [read_record(folder, data, side, settings[side]) for data in SETS for side in NAMES]
    records = [record for record in found if record is not None]
    for data in SETS:
        sizes = {r.side: r.outcome.tested_on for r in records if r.data == data}
        if len(set(sizes.values())) > 1:
            raise SystemExit(f"{data}: the sides have different test parts: {sizes}")
    return records


def pending(
    folder: Path, sets: Sequence[str], sides: Sequence[str], settings: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Return the sets and sides without a record, another side first in each set."""
    order = []
    for number, data in enumerate(sets):
        shift = number % len(sides)
        order += [(data, side) for side in (*sides[shift:], *sides[:shift])]
    return [
        (data, side)
        for data, side in order
        if read_record(folder, data, side, settings[side]) is None
    ]


def measure_all(options: Any, settings: Mapping[str, str], scratch: Path) -> list[str]:
    """Measure and record what is not recorded yet; return what failed."""
    failed = []
    for data, side in pending(options.records, options.sets, options.sides, settings):
        print(f"{data}: {NAMES[side]}, {settings[side]}", file=sys.stderr, flush=True)
        python = peers_python(options.peers)
        folder = copy_set(python, data, scratch / "data" / data)
        work = scratch / f"{data}-{side}"
        work.mkdir()
        try:
            if side == OURS:
                outcome = search_ours(folder, work, options)
            else:
                outcome = fit_peer(python, side, folder, work, options)
        except RuntimeError as error:
            print(f"{data}, {NAMES[side]}: {error}", file=sys.stderr, flush=True)
            failed.append(f"{data} {side}")
            continue
        here = measured_on()
        versions = here["versions"] if side == OURS else versions_in(python, VERSIONS)
        record = Record(
            data, side, settings[side], outcome, here["machine"], versions, here["date"]
        )
        write_record(options.records, record)
    return failed


def peers_python(folder: Path) -> Path:
    """Return the Python of the peers' environment, which is made if it is not there."""
    try:
        return python_with(PACKAGES, folder)
    except RuntimeError as error:
        raise SystemExit(f"{error}; the sets lie in aeon, so ours needs it, too") from None


def copy_set(python: Path, data: str, folder: Path) -> Path:
    """Copy a set out of the aeon package into a folder of its own, unless it is there."""
    if folder.exists():
        return folder
    code = "from importlib.util import find_spec; print(find_spec('aeon').origin)"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    source = Path(done.stdout.strip()).parent / "datasets" / "data" / data
    folder.mkdir(parents=True)
    for part in ("TRAIN", "TEST"):
        shutil.copy(source / f"{data}_{part}.ts", folder)
    return folder


def search_ours(folder: Path, work: Path, options: Any) -> Outcome:
    """Search and export with the command line; the test result is the export's."""
    run = work / "run"
    words = {"time": f"{60 * options.minutes:.0f}s", "seed": options.seed}
    searched = search([str(folder)], run, words)
    exporting, exported = export(run)
    if options.runs is not None:
        shutil.copytree(run, options.runs / folder.name, dirs_exist_ok=True)
    test = exported.test
    if test.accuracy is None:
        raise RuntimeError("the export has no test result")
    return Outcome(
        hits=round(test.accuracy * test.n),
        tested_on=test.n,
        seconds=searched.seconds + exporting.seconds,
        peak_mib=max(searched.peak, exporting.peak) / MIB,
        search_s=searched.seconds,
        trials=len(load_run(run).results.trials),
    )


def fit_peer(python: Path, side: str, folder: Path, work: Path, options: Any) -> Outcome:
    """Fit a peer in its environment, and count what it gets right.

    MiniRocket runs twice, and the second run counts: in the first, numba may compile.
    """
    out = work / "said.json"
    words = {"epochs": options.epochs, "seed": options.seed, "cores": environment.cores()}
    flags = [word for name, value in words.items() for word in (f"--{name}", str(value))]
    command = [str(python), str(HERE / "series_peers.py"), side, str(folder), str(out), *flags]
    if side == MINIROCKET:
        run_measured(command)
    measured = run_measured(command)
    said = json.loads(out.read_text(encoding="utf-8"))
    return Outcome(
        hits=said["hits"],
        tested_on=said["tested_on"],
        seconds=measured.seconds,
        peak_mib=measured.peak / MIB,
    )


def describe(records: Sequence[Record], settings: Mapping[str, str]) -> str:
    """Return the result as Markdown.

    Args:
        records: What is recorded, at least one.
        settings: What each side was told.
    """
    found: dict[str, dict[str, Outcome]] = {}
    for record in records:
        found.setdefault(record.data, {})[record.side] = record.outcome
    rows = [row(data, sides) for data, sides in found.items()]
    whole = {data: sides for data, sides in found.items() if set(sides) == set(NAMES)}
    if whole:
        rows.append(mean_row(whole))
    told = "\n".join(f"- {NAMES[side]}: {words}" for side, words in settings.items())
    return (
        "# Series\n\nAccuracy on the test part in % with its 95 % interval (Wilson), and the wall "
        f"clock of whole processes in seconds.\n\n{table(rows)}\n\n{verdict(whole)}\n\n"
        f"{told}\n\n"
        "The sets are split as in the archive; no side chooses anything by the test part. Ours "
        "chooses by folds of the\ntraining part; its time is that of search and export together. "
        "The peers have no setting chosen: sktime's\nand aeon's defaults but for epochs and "
        "batches. MiniRocket ran a second time, when numba had compiled.\n"
        "JapaneseVowels has 7 to 29 steps. The peers take one length alone, so sktime's "
        "PaddingTransformer and aeon's\nPadder fill up with zeros to the longest of both parts; "
        "ours takes the lengths as they come."
    )


def row(data: str, sides: Mapping[str, Outcome]) -> dict[str, str]:
    """Return the row of a set; what is not recorded stays empty."""
    sizes = [outcome.tested_on for outcome in sides.values()]
    cells = {"set": data, "tested on": str(sizes[0])}
    for side, name in NAMES.items():
        outcome = sides.get(side)
        cells[f"{name}, %"] = "" if outcome is None else with_interval(outcome)
        cells[f"{name}, s"] = "" if outcome is None else f"{outcome.seconds:.0f}"
    cells["our trials"] = str(sides[OURS].trials) if OURS in sides else ""
    both = OURS in sides and LSTM_FCN in sides
    cells["at least LSTM-FCN"] = goal(as_good(sides)) if both else ""
    return cells


def mean_row(whole: Mapping[str, Mapping[str, Outcome]]) -> dict[str, str]:
    """Return the row of the means over the sets that all sides were measured on."""
    cells = {"set": f"mean of {len(whole)}", "tested on": ""}
    for side, name in NAMES.items():
        cells[f"{name}, %"] = f"{100 * mean(whole, side):.1f}"
        cells[f"{name}, s"] = f"{fmean(sides[side].seconds for sides in whole.values()):.0f}"
    return cells | {"our trials": "", "at least LSTM-FCN": ""}


def with_interval(outcome: Outcome) -> str:
    """Return such as `99.3 (96.3 to 99.9)`."""
    low, high = outcome.interval
    return f"{100 * outcome.accuracy:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def as_good(sides: Mapping[str, Outcome]) -> bool:
    """Whether LSTM-FCN is no better than the upper end of our interval."""
    return sides[OURS].interval[1] >= sides[LSTM_FCN].accuracy


def mean(whole: Mapping[str, Mapping[str, Outcome]], side: str) -> float:
    """Return the mean accuracy of a side."""
    return fmean(sides[side].accuracy for sides in whole.values())


def verdict(whole: Mapping[str, Mapping[str, Outcome]]) -> str:
    """Return how the goals stand.

    Args:
        whole: The sets that all sides were measured on, and what each came to.
    """
    if set(whole) != set(SETS):
        lacking = ", ".join(name for name in SETS if name not in whole)
        return f"The goals are open until all sides are measured on {lacking}."
    good = sum(as_good(sides) for sides in whole.values())
    ours, peer = mean(whole, OURS), mean(whole, MINIROCKET)
    return (
        f"Goals: at least LSTM-FCN's accuracy on each set, within our interval: "
        f"{goal(good == len(whole))} ({good} of {len(whole)}). On average at least MiniRocket's: "
        f"{goal(ours >= peer)} ({100 * ours:.1f} against {100 * peer:.1f} %)."
    )


def setting_of(records: Sequence[Record]) -> dict[str, str]:
    """Return machine, versions and dates of what is recorded, and the command that does it."""
    versions = {NAMES[r.side]: r.versions for r in records}
    dates = sorted({record.date for record in records})
    return {
        "machine": "; ".join(dict.fromkeys(record.machine for record in records)),
        **{f"versions, {name}": text for name, text in versions.items()},
        "date": " to ".join(dict.fromkeys((dates[0], dates[-1]))),
        "command": "python benchmarks/series.py --write",
    }


if __name__ == "__main__":
    main()
