"""A GAN's steps against loops that people write, what equal time gives, and how fast it draws.

    python benchmarks/gan.py [steps] [equal-time] [sampling] [textbook] [--quick] [--write]
        [--data digits] [--records DIR] [--jobs N] [--search-minutes M] [--table]

On digits, 8x8, or on drawings, 24x24 (`--data shapes`), or both. All networks but the searched
ones are the DCGAN that is the baseline of the space `gan`, in batches of 64.

- steps: seconds for 1,000 steps of both networks. Ours is `GanTrainer`, as in a search: many
  steps are one graph call. By hand is a `tf.function`, once with as many steps in a call, which is
  the best that can be written, and once with a call for each step, which is what people write. And
  Keras's `fit`, with a `train_step` as in Keras's own example of a DCGAN. All have traced their
  graphs before, and alternate in one process, under the settings of our workers. Goal: at most
  5 % more than the best loop by hand.
- equal-time: how far drawn images are from held-out ones after equal time of ours and of `fit`.
- sampling: images a second, of ours in memory, of an export, and of Keras's `predict`.
- textbook: per seed, a search that lasts so many minutes; its winner and the textbook's DCGAN with
  as many weights are then trained anew for equal time, in turns, and judged by images that the
  search never saw. Goal: the searched one is nearer on all seeds. `--jobs` does seeds side by
  side, each with its share of the cores; `--one-search` searches once for all.

What is measured is kept in `recorded/` (`--records`) part by part, and of `textbook` seed by
seed, and is not measured again: an interrupted benchmark goes on. `--table` measures nothing. The
processor alone is used unless `--gpu` is given. On digits about 3, 5, 2 and 30 minutes on
2 cores.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from measure import Spread, arguments, goal, measured_on, publish, setting_of, table

HERE = Path(__file__).parent
RECORDED = HERE / "recorded"
PARTS = ("steps", "equal-time", "sampling", "textbook")
DATA = ("digits", "shapes")
OURS, LOOP, CALLS, FIT = "automl-sem", "loop by hand", "call by call", "Keras's fit"
ALLOWED_OVER = 1.05
QUICK = {"rounds": 1, "steps": 50, "seconds": 1.5, "seeds": 1, "drawn": 500, "search_minutes": 0.0}

Record = dict[str, Any]


def main() -> None:
    """Measure what is not recorded yet, print, and write if asked to."""
    options = parse()
    if not options.gpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    with tempfile.TemporaryDirectory() as scratch:
        if options.quick:
            vars(options).update(QUICK, records=Path(scratch) / "recorded")
        os.environ["XDG_STATE_HOME"] = scratch  # a benchmark leaves no trace in a user's runs
        options.scratch = Path(scratch)
        if not options.table:
            measure(options)
        records = read_all(options.records)
    if not records:
        raise SystemExit("nothing is recorded")
    publish(
        describe(records),
        {"records": records},
        options,
        setting=setting_of([r["measured"] for r in records], "python benchmarks/gan.py"),
    )


def parse() -> argparse.Namespace:
    """Return what the script was called with."""
    parser = arguments(__doc__, rounds=9)
    parser.add_argument("parts", nargs="*", type=one_of(PARTS), metavar="PART")
    parser.add_argument("--data", nargs="+", choices=DATA, default=["digits"])
    parser.add_argument("--records", type=Path, metavar="DIR", default=RECORDED)
    parser.add_argument("--table", action="store_true", help="measure nothing")
    parser.add_argument("--gpu", action="store_true", help="use it")
    parser.add_argument("--threads", type=int, default=1, help="of all but textbook, default 1")
    parser.add_argument("--steps", type=int, default=150, help="of a graph call, default 150")
    parser.add_argument("--seconds", type=float, default=40, help="of equal-time, default 40")
    parser.add_argument("--drawn", type=int, default=10_000, help="images, default 10,000")
    parser.add_argument("--seeds", type=int, default=5, help="of textbook, default 5")
    parser.add_argument("--search-minutes", type=float, default=4, help="of a search, default 4")
    parser.add_argument("--one-search", action="store_true", help="one for all seeds")
    parser.add_argument("--jobs", type=int, default=1, help="seeds side by side, default 1")
    options = parser.parse_args()
    options.parts = options.parts or list(PARTS)
    return options


def one_of(names: Sequence[str]) -> Callable[[str], str]:
    """Return a parser of one of some names."""

    def parse_one(text: str) -> str:
        if text not in names:
            raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(names)}")
        return text

    return parse_one


def measure(options: argparse.Namespace) -> None:
    """Measure and record what is not recorded yet."""
    wanted = [
        (part, data)
        for data in options.data
        for part in PARTS[:3]
        if part in options.parts and not record_file(options.records, part, data).exists()
    ]
    if wanted:
        import gan_parts

        gan_parts.prepare(options.threads)
        parts = {
            "steps": gan_parts.steps,
            "equal-time": gan_parts.equal_time,
            "sampling": gan_parts.sampling,
        }
    for part, data in wanted:
        print(f"{part}, {data}", file=sys.stderr, flush=True)
        found = parts[part](data, options)
        write_record(options.records, part, data, {"threads": options.threads, **found})
    if "textbook" in options.parts:
        for data in options.data:
            textbook(data, options)


def textbook(data: str, options: argparse.Namespace) -> None:
    """Run the seeds that are not recorded yet, some side by side, each on its share of the cores.

    Raises:
        SystemExit: If one fails; what the others came to is recorded.
    """
    seeds = [
        seed
        for seed in range(options.seeds)
        if not record_file(options.records, "textbook", data, seed).exists()
    ]
    cores = sorted(os.sched_getaffinity(0))
    jobs = max(1, min(options.jobs, len(cores)))
    share = len(cores) // jobs
    free = [cores[first * share : (first + 1) * share] for first in range(jobs)]

    def run(seed: int) -> int:
        own = free.pop()
        words = [
            *("--data", data, "--seed", str(seed), "--records", str(options.records)),
            *("--minutes", str(options.search_minutes), "--cores", ",".join(map(str, own))),
            *(["--search-of", "0"] if options.one_search else []),
            *(["--gpu"] if options.gpu else []),
        ]
        done = subprocess.run([sys.executable, str(HERE / "gan_textbook.py"), *words], check=False)
        free.append(own)
        return done.returncode

    first = seeds[:1] if options.one_search else []  # whose search serves the others
    with ThreadPoolExecutor(jobs) as threads:
        ended = [*threads.map(run, first), *threads.map(run, seeds[len(first) :])]
    if any(ended):
        failed = [str(s) for s, code in zip(seeds, ended, strict=True) if code]
        raise SystemExit(f"seed {', '.join(failed)} on {data} failed; the same command goes on")


def record_file(folder: Path, part: str, data: str, seed: int | None = None) -> Path:
    """Return where the record of a part is kept."""
    end = "" if seed is None else f"-{seed}"
    return folder / f"gan-{part}-{data}{end}.json"


def write_record(
    folder: Path, part: str, data: str, found: Mapping[str, Any], seed: int | None = None
) -> None:
    """Keep what a part came to with where and when, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    file = record_file(folder, part, data, seed)
    content = {"part": part, "data": data, "measured": measured_on(), **found}
    half = file.with_suffix(".part")
    half.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    half.replace(file)


def read_all(folder: Path) -> list[Record]:
    """Return all that is recorded, part by part."""
    files = [
        file
        for part in PARTS
        for data in DATA
        for file in sorted(folder.glob(f"gan-{part}-{data}*.json"))
    ]
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


def describe(records: Sequence[Record]) -> str:
    """Return the result as Markdown."""
    described = {
        "steps": describe_steps,
        "equal-time": describe_equal_time,
        "sampling": describe_sampling,
        "textbook": describe_textbook,
    }
    found = [
        described[part](own) for part in PARTS if (own := [r for r in records if r["part"] == part])
    ]
    return "\n\n".join(["# GAN", *found])


def describe_steps(records: Sequence[Record]) -> str:
    """Return the table of seconds for 1,000 steps."""
    rows = []
    for record in records:
        sides = record["seconds"]
        over = ratio(sides[OURS], sides[LOOP])
        rows.append(
            {
                "data": record["data"],
                **{f"{side}, s": Spread.of(values).text(2) for side, values in sides.items()},
                "ours to the loop": over.text(2),
                f"at most {ALLOWED_OVER:.2f}": goal(over.median <= ALLOWED_OVER),
                "in processor time": ratio(
                    record["processor_s"][OURS], record["processor_s"][LOOP]
                ).text(2),
                "call by call to ours": ratio(sides[CALLS], sides[OURS]).text(2),
                "fit to ours": ratio(sides[FIT], sides[OURS]).text(2),
            }
        )
    first = records[0]
    return (
        "## Steps\n\nSeconds for 1,000 steps of both networks in batches of 64: median (range) of "
        f"{len(first['seconds'][OURS])} rounds, alternating, {first['threads']} thread(s) of "
        f"TensorFlow. Ours and the loop by hand take {first['steps']} steps in one graph call; "
        "call by call has a graph call for each. The `train_step` of Keras's example shows the "
        "discriminator real and generated images together, in one call where the others need "
        f"two.\n\n{table(rows)}"
    )


def describe_equal_time(records: Sequence[Record]) -> str:
    """Return the table of distances after equal time."""
    rows = [
        {
            "data": record["data"],
            "seed": str(number),
            "seconds": f"{mark['seconds']:g}",
            **{
                f"{side}, {what}": text
                for side in (OURS, FIT)
                for what, text in (
                    ("distance", f"{mark[side]['distance']:.2f}"),
                    ("coverage", f"{100 * mark[side]['coverage']:.0f} %"),
                    ("steps", f"{mark[side]['steps']:,}"),
                )
            },
        }
        for record in records
        for number, marks in enumerate(record["seeds"])
        for mark in marks
    ]
    return (
        "## Equal time\n\nThe same two networks, learning rate and momentum, after equal time of "
        "training, traces apart. Distance is that of the search: how far drawn images are from "
        "held-out ones above training images, in standard deviations of these; lower is better, "
        f"0 ideal. Coverage is the share of held-out images with a drawn one nearby.\n\n"
        f"{table(rows)}"
    )


def describe_sampling(records: Sequence[Record]) -> str:
    """Return the table of images drawn a second."""
    rows = [
        {
            "data": record["data"],
            **{
                f"{way}, images a second": f"{Spread.of(values).median:,.0f}"
                for way, values in record["a_second"].items()
            },
            "seconds to load the export": f"{record['load_s']:.1f}",
        }
        for record in records
    ]
    return (
        f"## Sampling\n\n{records[0]['drawn']:,} images, median of "
        f"{len(next(iter(records[0]['a_second'].values())))} rounds, alternating. What is exported "
        f"is loaded anew each time, as `automl-sem generate` does; that is shown apart.\n\n"
        f"{table(rows)}"
    )


def describe_textbook(records: Sequence[Record]) -> str:
    """Return the table of the searched GANs against the textbook's."""
    rows = [
        {
            "data": record["data"],
            "seed": str(record["seed"]),
            "winner": f"trial {record['search']['trial']} of {record['search']['trials']}",
            "weights, searched and textbook": (
                f"{record['searched_weights']:,}, {record['textbook_weights']:,}"
            ),
            "seconds each": f"{mark['seconds']:.0f}",
            "steps": f"{mark['searched']['steps']:,}, {mark['textbook']['steps']:,}",
            "searched": with_interval(mark["searched"]),
            "textbook": with_interval(mark["textbook"]),
            "difference": with_interval(mark["difference"], lost="-"),
            "coverage": " and ".join(
                f"{100 * mark[side]['coverage']:.0f} %" for side in ("searched", "textbook")
            ),
        }
        for record in records
        for mark in record["marks"]
    ]
    firsts = [record["marks"][0] for record in records]
    lasts = [record["marks"][-1] for record in records]
    better, longer = (sum(mark["better"] for mark in marks) for marks in (firsts, lasts))
    search, count = records[0]["search"], len(records)
    return (
        f"## Searched against the textbook\n\nThe winner of a search of {search['minutes']:g} "
        "minutes, and the DCGAN of the textbook (trial 0 of the space) as wide as it takes to "
        "have as many weights, both trained anew on all training images, in turns until both "
        "have had the time that the searched one takes for its steps, and then on to "
        f"{lasts[0]['times']:g} times that. Distance (95 % interval, from random halves of the "
        "drawn and of the held-out images) from the test part, which the search never saw: lower "
        "is better, 0 ideal.\n\n"
        f"{table(rows)}\n\nThe searched one is nearer on {better} of {count} seeds; "
        f"{'all' if count == 1 else f'{count} of {count}'} is the goal: "
        f"{goal(better == count)}. After {lasts[0]['times']:g} times the time, on {longer}."
    )


def with_interval(found: Mapping[str, Any], lost: str = "diverged") -> str:
    """Return a distance with its interval, or what stands for one that there is not."""
    if found["distance"] is None:
        return lost
    return f"{found['distance']:.2f} ({found['low']:.2f} to {found['high']:.2f})"


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Return how many times the second the first is, round by round."""
    return Spread.of([a / b for a, b in zip(ours, theirs, strict=True)])


if __name__ == "__main__":
    main()
