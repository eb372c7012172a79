"""How many workers, and what each gets of the machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

from automl_sem.errors import UserError

WORKER_BYTES = 700 * 2**20  # TensorFlow and a small model; the first candidate says better
HEADROOM = 0.9
# A sampler learns from what has ended: too many trials at a time and it only guesses.
TRIALS_PER_WORKER = 4
# Below so many values an example is done before a second thread has taken its share: with 8x8
# digits one thread is faster than two (by 5 to 15 %), with 24x24 drawings two are (by 30 %).
VALUES_FOR_THREADS = 256

Workers = int | Literal["auto"]


@dataclass(frozen=True)
class WorkerPlan:
    """Workers and their share of the machine.

    Args:
        workers: Number of worker processes; 0 trains in the search's own process.
        threads: Processor threads of each, 0 for TensorFlow's choice.
        gpus: GPUs to share, each the name that `CUDA_VISIBLE_DEVICES` knows it by;
            empty without GPUs.
        note: What was decided against the wish, for people; empty if nothing.
    """

    workers: int
    threads: int
    gpus: tuple[str, ...] = ()
    note: str = ""

    def environment(self, slot: int) -> dict[str, str]:
        """Return the environment variables of a slot's worker: it sees its own GPU alone."""
        gpu = self.gpus[slot % len(self.gpus)] if self.gpus else "-1"
        return {"CUDA_VISIBLE_DEVICES": gpu, "TF_FORCE_GPU_ALLOW_GROWTH": "true"}


def plan_workers(
    wanted: Workers,
    *,
    trials: int | None,
    cores: int,
    memory: int,
    gpus: int,
    wanted_gpus: int | Literal["all"] = "all",
    per_gpu: int = 1,
    example_values: int = VALUES_FOR_THREADS,
    held: int = 0,
) -> WorkerPlan:
    """Return how many workers a search takes.

    `"auto"` takes one a GPU, or without GPUs one a core, as far as memory and the number of
    trials go.

    Args:
        wanted: What the person said.
        trials: Trials of the search, or None when only time limits them.
        cores: Processor cores to divide.
        memory: Bytes that search and workers may use together.
        gpus: GPUs of this machine.
        wanted_gpus: How many of them to use.
        per_gpu: Workers that share a GPU.
        example_values: Numbers in one example, such as 64 in an image of 8x8.
        held: Bytes of the examples, if a worker holds them all.

    Raises:
        UserError: If there are fewer GPUs than asked for.
    """
    if wanted_gpus != "all" and wanted_gpus > gpus:
        there = f"only {gpus} visible" if gpus else "no GPU is visible"
        raise UserError(
            f"--gpus {wanted_gpus} asks for {wanted_gpus} GPUs, but {there}",
            hint="Pass --gpus all to search on what is there",
        )
    used = gpus if wanted_gpus == "all" else wanted_gpus
    # As they came, and on the device.
    fitting = slots_in_memory(WORKER_BYTES + 2 * held, WORKER_BYTES, memory)
    note = ""
    if wanted == "auto":
        places = used * per_gpu or cores
        useful = places if trials is None else max(1, trials // TRIALS_PER_WORKER)
        workers = min(places, useful, fitting)
    else:
        workers = min(wanted, fitting)
        if workers < wanted:
            note = f"{wanted} workers do not fit into {memory / 2**30:.1f} GiB: {workers} are used"
        elif used and workers > used * per_gpu:
            note = f"{workers} workers share {used} GPU{'s' if used > 1 else ''}"
    if per_gpu > 1 and not used:
        note = "; ".join(filter(None, (note, "--workers-per-gpu does nothing without a GPU")))
    threads = max(1, cores // workers) if workers else 0
    if threads and example_values < VALUES_FOR_THREADS:
        threads = 1
    return WorkerPlan(workers, threads, _gpu_names(gpus)[:used], note)


def slots_in_memory(worker: int, driver: int, memory: int) -> int:
    """Return how many workers fit beside the search, at least one.

    Args:
        worker: Bytes of a worker.
        driver: Bytes of the search's own process.
        memory: Bytes that all may use together.
    """
    return max(1, int((HEADROOM * memory - driver) // worker))


def _gpu_names(gpus: int) -> tuple[str, ...]:
    """Return the GPUs by the names they have for a new process."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = [name.strip() for name in visible.split(",")] if visible else []
    return tuple(names[:gpus]) if len(names) >= gpus else tuple(map(str, range(gpus)))
