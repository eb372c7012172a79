"""What all benchmarks share: alternation, medians, memory of a process tree, result files.

A benchmark is a script, `python benchmarks/NAME.py [--quick] [--write]`. It prints a Markdown
table, and with `--write` puts it into `benchmarks/results/NAME.md`, with its figures beside it
as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

RESULTS = Path(__file__).parent / "results"
MIB = 2**20

T = TypeVar("T")


class Sample(NamedTuple):
    """Memory of a process and all its descendants at one moment.

    Args:
        at: `time.time()`.
        total: Resident bytes of all; what they share counts in each.
        root: Resident bytes of the first process alone.
        processes: How many there were.
        once: Resident bytes of all, what several processes share divided among them ("Pss" in
            proc_pid_smaps(5)); 0 if it was not asked for.
    """

    at: float
    total: int
    root: int
    processes: int
    once: int = 0


@dataclass(frozen=True)
class Measured:
    """One command that ran under the outer clock.

    Args:
        started: `time.time()` just before the process was started.
        seconds: From there to its end.
        samples: Memory over time.
        stopped: Whether it was interrupted since `until` said so.
    """

    started: float
    seconds: float
    samples: Sequence[Sample]
    stopped: bool = False

    @property
    def peak(self) -> int:
        """Most memory that the process tree had, in bytes."""
        return max((sample.total for sample in self.samples), default=0)

    @property
    def peak_once(self) -> int:
        """The same, what processes share counted once."""
        return max((sample.once for sample in self.samples), default=0)


def run_measured(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    every: float = 0.25,
    until: Callable[[], bool] | None = None,
    grace: float | None = None,
    once: bool = False,
) -> Measured:
    """Run a command to its end, sampling the memory of its process tree.

    Its registry of runs goes to a folder of its own, so that a benchmark leaves no trace
    in the user's.

    Args:
        command: Program and arguments.
        cwd: Folder to run in.
        every: Seconds between samples.
        until: Asked at every sample; once it says True the command is interrupted.
        grace: Seconds after which an interrupted command is killed; by default it is waited for.
        once: Sample memory that counts what processes share once, too. It slows them a little.

    Raises:
        RuntimeError: If it fails, with the end of what it said.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        # A script has its background jobs ignore Ctrl-C; the command would inherit that.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as scratch, tempfile.TemporaryFile() as output:
        environment = {**os.environ, "XDG_STATE_HOME": scratch}
        started, clock = time.time(), time.perf_counter()
        process = subprocess.Popen(
            command, cwd=cwd, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        watcher = _Watcher(process, every, until, grace, once)
        watcher.start()
        try:
            process.wait()
        finally:
            seconds = time.perf_counter() - clock
            watcher.ended.set()
            watcher.join()
            process.kill()
            process.wait()
        if watcher.error is not None:
            raise watcher.error
        if process.returncode and not watcher.stopped:
            output.seek(0)
            said = output.read().decode(errors="replace")[-3000:]
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{said}")
    return Measured(started, seconds, watcher.samples, watcher.stopped)


class _Watcher(threading.Thread):
    """Samples a process's memory, and interrupts it when it is enough.

    It is a thread, since waiting with a timeout would tell the end of a process only to
    some 50 ms.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        every: float,
        until: Callable[[], bool] | None,
        grace: float | None,
        once: bool,
    ) -> None:
        super().__init__(daemon=True)
        self.once = once
        self.process, self.every, self.until, self.grace = process, every, until, grace
        self.samples: list[Sample] = []
        self.stopped = False
        self.error: Exception | None = None
        self.ended = threading.Event()

    def run(self) -> None:
        patience = float("inf")  # when it is over
        try:
            while not self.ended.wait(self.every):
                self.samples.append(tree_memory(self.process.pid, self.once))
                if self.until is not None and not self.stopped and self.until():
                    self.process.send_signal(signal.SIGINT)
                    self.stopped = True
                    if self.grace is not None:
                        patience = time.monotonic() + self.grace
                if time.monotonic() > patience:
                    self.process.kill()
        except Exception as error:
            self.error = error
            self.process.kill()


def tree_memory(root: int, once: bool = False) -> Sample:
    """Return the resident memory of a process and its descendants, read from /proc.

    Args:
        root: Number of the process.
        once: Count what processes share once, too.

    Raises:
        RuntimeError: Where there is no /proc, as on macOS.
    """
    if not Path("/proc/self/stat").exists():
        raise RuntimeError("memory is read from /proc: run this benchmark on Linux")
    page = os.sysconf("SC_PAGE_SIZE")
    parents: dict[int, int] = {}
    resident: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:  # it has just ended
            continue
        fields = stat.rpartition(")")[2].split()  # a name may hold blanks and brackets
        parents[int(entry.name)] = int(fields[1])
        resident[int(entry.name)] = int(fields[21]) * page
    tree, added = {root}, {root}
    while added:
        added = {pid for pid, parent in parents.items() if parent in added} - tree
        tree |= added
    sizes = [resident[pid] for pid in tree if pid in resident]
    shared = sum(map(proportional_size, tree)) if once else 0
    return Sample(time.time(), sum(sizes), resident.get(root, 0), len(sizes), shared)


def proportional_size(pid: int) -> int:
    """Return the resident bytes of a process, shared ones divided by who shares; 0 if it ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    sizes = [line.split() for line in lines if line.startswith("Pss:")]
    return int(sizes[0][1]) * 1024 if sizes else 0


def alternate(actions: Mapping[str, Callable[[int], T]], rounds: int) -> dict[str, list[T]]:
    """Run all actions once a round, another one first each time; return the results by name.

    What the machine does beside then falls on all of them alike.

    Args:
        actions: Name -> action, which is given the number of the round.
        rounds: How often.
    """
    names = list(actions)
    results: dict[str, list[T]] = {name: [] for name in names}
    for number in range(rounds):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            print(f"round {number + 1}/{rounds}: {name}", file=sys.stderr, flush=True)
            results[name].append(actions[name](number))
    return results


class Spread(NamedTuple):
    """Median and range of several measurements."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Return the spread of some measurements, at least one."""
        return cls(statistics.median(values), min(values), max(values))

    def text(self, digits: int = 1) -> str:
        """Return such as `12.3 (11.0 to 13.1)`."""
        median, low, high = (f"{value:,.{digits}f}" for value in self)
        return median if low == high else f"{median} ({low} to {high})"


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and its standard error, which is 0 for a single value."""
    mean = statistics.fmean(values)
    error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return mean, error


def goal(met: bool) -> str:
    """Return how a goal stands, for a table."""
    return "met" if met else "missed"


def table(rows: Sequence[Mapping[str, str]]) -> str:
    """Return rows as a Markdown table; the keys of the first are the columns."""
    columns = list(rows[0])
    lines = [columns, ["---"] * len(columns), *([row[c] for c in columns] for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def arguments(doc: str, *, rounds: int | None = None) -> argparse.ArgumentParser:
    """Return a parser with the options that all benchmarks have.

    Args:
        doc: The script's docstring.
        rounds: Usual number of rounds; None leaves the option out.
    """
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="tiny settings: does it run at all?")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/NAME.md")
    if rounds is not None:
        parser.add_argument("--rounds", type=int, default=rounds, help=f"default {rounds}")
    return parser


def publish(
    text: str,
    figures: Mapping[str, Any],
    options: argparse.Namespace,
    variant: str = "",
    setting: Mapping[str, str] | None = None,
) -> None:
    """Print a result; with `--write` keep it, with the setting in which it was measured.

    Args:
        text: Markdown: a heading, the table and what it means.
        figures: The same as numbers, for the chart.
        options: What the script was called with.
        variant: Keeps a second setting's result beside the first: `NAME-VARIANT`.
        setting: Where and when it was measured; None for here and now.
    """
    print(text)
    if not options.write:
        return
    if options.quick:
        raise SystemExit("--quick measures nothing worth keeping: leave out --write")
    name = "-".join(filter(None, (Path(sys.argv[0]).stem, variant)))
    setting = setting or measured_on()
    lines = "\n".join(f"- {key}: {value}" for key, value in setting.items())
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(f"{text}\n\n{lines}\n", encoding="utf-8")
    content = {"setting": setting, **figures}
    (RESULTS / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(f"written to benchmarks/results/{name}.md", file=sys.stderr)


def setting_of(measured: Sequence[Mapping[str, str]], command: str) -> dict[str, str]:
    """Return where and when records were measured.

    Args:
        measured: What `measured_on` returned for each of them.
        command: What measures all of them.
    """
    dates = sorted({each["date"] for each in measured})

    def all_of(key: str) -> str:
        return "; ".join(dict.fromkeys(each[key] for each in measured))

    return {
        "machine": all_of("machine"),
        "versions": all_of("versions"),
        "date": dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}",
        "command": command,
    }


def measured_on() -> dict[str, str]:
    """Return machine, versions, date and command, a line each."""
    from automl_sem import environment

    machine = environment.machine()
    memory = environment.memory_limit() / 2**30
    gpus = ", ".join(machine["gpus"]) or "no GPU"
    return {
        "machine": f"{processor()}, {machine['cores']} cores, {memory:.0f} GiB, {gpus}, "
        f"{machine['system']}",
        "versions": ", ".join(f"{k} {v}" for k, v in environment.versions().items()),
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "command": " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]]),
    }


def processor() -> str:
    """Return the name of the processor as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
