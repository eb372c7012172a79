"""Worker processes: one candidate with all its folds each, replaced when they die or grow old.

A worker is a fresh Python that imports nothing of the person's script, so that a search
started from a script needs no `if __name__ == "__main__"`.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path

from automl_sem.errors import UserError
from automl_sem.types import Candidate
from automl_sem.workers.base import FoldDone, FoldTask
from automl_sem.workers.plan import WorkerPlan, slots_in_memory
from automl_sem.workers.process import STOP, Ready
from automl_sem.workers.runner import peak_memory
from automl_sem.workers.setup import Setup

# TensorFlow keeps something of every graph it traced.
CANDIDATES_PER_WORKER = 25
GOODBYE_S = 5.0


class ProcessPool:
    """Slots that are processes.

    Args:
        setup: What each worker needs to know; its slot is filled in.
        plan: How many workers, with which threads and GPUs.
        log: File that their output goes to.
        memory: Bytes that the search and its workers may use together.
        say: Called with a line for people.
        candidates_per_worker: Candidates after which a worker is replaced; its successor
            is started one candidate ahead.
    """

    def __init__(
        self,
        setup: Setup,
        plan: WorkerPlan,
        log: Path,
        memory: int,
        say: Callable[[str], None],
        candidates_per_worker: int = CANDIDATES_PER_WORKER,
    ) -> None:
        self._setup = setup
        self._plan = plan
        self._log = log
        self._memory = memory
        self._say = say
        self._per_worker = candidates_per_worker
        self._allowed = plan.workers
        self._slots: list[_Slot] = []
        try:
            for number in range(plan.workers):
                self._slots.append(_Slot(self._start(number)))
        except BaseException:  # Ctrl-C as well: in a notebook nothing else would end them
            self.close()
            raise

    @property
    def slots(self) -> int:
        """How many slots may take fold fits: it falls when memory runs short."""
        return self._allowed

    def submit(self, slot: int, task: FoldTask) -> None:
        """Send a fold fit to a slot's worker."""
        place = self._slots[slot]
        if place.task is not None:
            raise RuntimeError(f"slot {slot} is not free")
        key = task.candidate, task.seed
        if key != place.key:
            self._next_candidate(slot)
            place.key = key
        place.task = task
        if place.worker is None or not place.worker.send(task):
            self._replace(slot)
            self._worker(slot).send(task)
        last = place.candidates == self._per_worker and slot < self._allowed
        if last and place.successor is None:
            place.successor = self._start(slot)

    def wait(self) -> FoldDone:
        """Wait for the next fold fit to end, or for its worker to die."""
        self._close_surplus()
        while True:
            busy = {self._worker(n).channel: n for n, p in enumerate(self._slots) if p.task}
            if not busy:
                raise RuntimeError("no fold fit is under way")
            for channel in wait(list(busy)):
                done = self._receive(busy[channel])  # type: ignore[index]
                if done is not None:
                    self._slots[done.slot].task = None
                    self._notice_memory(done)
                    return done

    def close(self) -> None:
        """Kill all workers."""
        for worker in self._workers():
            worker.kill()
        self._slots = []

    def finish(self) -> None:
        """Let all workers end by themselves."""
        workers = self._workers()
        for worker in workers:
            worker.send(STOP)
        for worker in workers:
            worker.end()
        self._slots = []

    def pids(self) -> list[int]:
        """Return the process number of each slot's worker."""
        return [place.worker.process.pid for place in self._slots if place.worker]

    def _workers(self) -> list[_Worker]:
        return [w for place in self._slots for w in (place.worker, place.successor) if w]

    def _worker(self, slot: int) -> _Worker:
        worker = self._slots[slot].worker
        if worker is None:
            raise RuntimeError(f"slot {slot} has no worker")
        return worker

    def _start(self, slot: int) -> _Worker:
        environment = {**os.environ, **self._plan.environment(slot)}
        return _Worker.start(replace(self._setup, slot=slot), self._log, environment)

    def _replace(self, slot: int) -> None:
        place = self._slots[slot]
        if place.worker is not None:
            place.worker.kill()
        place.worker, place.successor = place.successor or self._start(slot), None
        place.candidates = 1

    def _next_candidate(self, slot: int) -> None:
        place = self._slots[slot]
        place.candidates += 1
        if place.candidates > self._per_worker:
            self._replace(slot)

    def _receive(self, slot: int) -> FoldDone | None:
        worker = self._worker(slot)
        try:
            message = worker.channel.recv()
        except (EOFError, OSError):  # OSError in the middle of a message
            code = worker.process.wait()
            if code >= 0 and not worker.ready:
                raise UserError(
                    f"a worker process cannot start: {self._last_line()}", where=self._log
                ) from None
            killed_for_memory = worker.killed_for_memory()
            self._replace(slot)
            if killed_for_memory and self._allowed > 1:
                self._reduce_to(self._allowed - 1, "the system killed a worker for lack of memory")
                return FoldDone(slot, died=_ending(code), blameless=True)
            return FoldDone(slot, died=_ending(code), out_of_memory=killed_for_memory)
        if isinstance(message, Ready):
            worker.ready = True
            return None
        done: FoldDone = message
        return done

    def _notice_memory(self, done: FoldDone) -> None:
        """Give up slots whose workers would not fit into memory beside the others."""
        if not done.memory:
            return
        allowed = slots_in_memory(done.memory, peak_memory(), self._memory)
        if allowed < self._allowed:
            share = f"{done.memory / 2**30:.1f} of {self._memory / 2**30:.1f} GiB"
            self._reduce_to(allowed, f"a worker takes {share}")

    def _reduce_to(self, workers: int, why: str) -> None:
        self._allowed = workers
        self._say(f"{why}: going on with {workers} worker{'s' if workers > 1 else ''}")

    def _close_surplus(self) -> None:
        for place in self._slots[self._allowed :]:
            if place.task is None:
                for worker in filter(None, (place.worker, place.successor)):
                    worker.kill()
                place.worker = place.successor = None

    def _last_line(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


def _memory_kills() -> int:
    """Return how many processes Linux has killed for lack of memory; 0 where it does not say."""
    try:
        lines = Path("/proc/vmstat").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


@dataclass
class _Slot:
    """A place for a worker, and what its worker is doing."""

    worker: _Worker | None
    successor: _Worker | None = None
    candidates: int = 0
    key: tuple[Candidate, int] | None = None
    task: FoldTask | None = None


@dataclass
class _Worker:
    """A worker process as the search sees it."""

    process: subprocess.Popen[bytes]
    channel: Connection
    lifeline: int
    ready: bool = False
    kills_before: int = field(default_factory=_memory_kills)

    @classmethod
    def start(cls, setup: Setup, log: Path, environment: Mapping[str, str]) -> _Worker:
        ours, theirs = socket.socketpair()
        read, write = os.pipe()
        code = (
            f"import sys; sys.path[:] = {sys.path!r}; "
            f"from automl_sem.workers.process import main; main({theirs.fileno()}, {read})"
        )
        with log.open("ab") as output, theirs:
            process = subprocess.Popen(
                [sys.executable, "-c", code],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(environment),
                pass_fds=(theirs.fileno(), read),
            )
        os.close(read)
        worker = cls(process, Connection(ours.detach()), write)
        try:
            worker.send(setup)
        except BaseException:
            worker.kill()
            raise
        return worker

    def send(self, message: object) -> bool:
        """Send a message; False if the process is gone."""
        try:
            self.channel.send(message)
        except OSError:
            return False
        return True

    def kill(self) -> None:
        self.process.kill()
        self.end()

    def end(self) -> None:
        """Wait for the process to end, kill it if it does not, and free what it held here."""
        try:
            self.process.wait(GOODBYE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.channel.close()
        if self.lifeline >= 0:
            os.close(self.lifeline)
            self.lifeline = -1

    def killed_for_memory(self) -> bool:
        killed = self.process.returncode == -signal.SIGKILL
        return killed and _memory_kills() > self.kills_before


def _ending(code: int) -> str:
    if code >= 0:
        return f"it ended with exit code {code}, see workers.log"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    hint = ", as the system does when memory runs out" if -code == signal.SIGKILL else ""
    return f"killed by {name}{hint}"
