"""The contract of a pool: every kind of pool passes the same tests."""

import os
import signal
import socket
import struct
from multiprocessing.connection import Connection

import numpy as np
import pytest
from conftest import TINY_SPACE, make_stripes

from automl_sem.errors import UserError
from automl_sem.spaces.load import load_space
from automl_sem.types import Candidate, Recipe
from automl_sem.workers import processes as process_module
from automl_sem.workers.base import FoldDone, FoldTask
from automl_sem.workers.inline import InlinePool
from automl_sem.workers.plan import WorkerPlan
from automl_sem.workers.processes import ProcessPool
from automl_sem.workers.setup import Setup, travelling

RECIPE = Recipe(learning_rate=0.02, batch_size=8, epochs=2)
GIB = 2**30


@pytest.fixture
def space(tiny_space):
    return load_space(tiny_space)


@pytest.fixture
def processes(space, stripes, tmp_path):
    """Start pools of worker processes; all are closed at the end."""
    pools = []

    def start(workers=2, memory=64 * GIB, say=lambda _: None, part=stripes, **options):
        light, mapped = travelling(part)
        setup = Setup(0, space.path, space.name, space.path.parent, {}, light, mapped, threads=1)
        plan = WorkerPlan(workers, threads=1)
        pools.append(ProcessPool(setup, plan, tmp_path / "workers.log", memory, say, **options))
        return pools[-1]

    yield start
    for pool in pools:
        pool.close()


@pytest.fixture(scope="module")
def one_process(tmp_path_factory):
    """A pool of one process, for tests that leave it as it was."""
    folder = tmp_path_factory.mktemp("one")
    (folder / "tiny.py").write_text(TINY_SPACE)
    light, mapped = travelling(make_stripes(60))
    setup = Setup(0, folder / "tiny.py", "tiny", folder, {}, light, mapped, threads=1)
    plan = WorkerPlan(1, threads=1)
    pool = ProcessPool(setup, plan, folder / "workers.log", 64 * GIB, lambda _: None)
    yield pool
    pool.close()


@pytest.fixture(params=["inline", pytest.param("one_process", marks=pytest.mark.slow)])
def pool(request, space, stripes):
    if request.param == "inline":
        return InlinePool(space, stripes)
    return request.getfixturevalue(request.param)


ENDLESS = Recipe(learning_rate=0.02, batch_size=1, epochs=100_000)


def task(trial=0, fold=0, seed=7, units=8, recipe=RECIPE):
    held_out = np.arange(fold, 60, 5)
    values = {"units": units, "dropout": 0.2, "rate": 0.02}
    return FoldTask(Candidate(trial, values, recipe, 0, "model"), fold, held_out, seed)


def run(pool, a_task, slot=0):
    pool.submit(slot, a_task)
    return pool.wait()


def test_a_fold_fit_gives_the_predictions_of_its_held_out_rows(pool):
    done = run(pool, task(fold=2))
    assert done.slot == 0
    assert (done.outcome, done.died) == (None, "")
    assert done.result.fold == 2
    np.testing.assert_array_equal(done.result.indices, np.arange(2, 60, 5))
    assert done.memory > 50e6


def test_results_do_not_depend_on_what_the_slot_trained_before(pool):
    first = run(pool, task(trial=0, fold=1)).result.probabilities
    run(pool, task(trial=1, fold=0, units=12))
    again = run(pool, task(trial=0, fold=1)).result.probabilities
    other_seed = run(pool, task(trial=0, fold=1, seed=8)).result.probabilities
    other_trial = run(pool, task(trial=2, fold=1)).result.probabilities
    longer = Recipe(learning_rate=0.02, batch_size=8, epochs=3)
    run(pool, task(trial=0, fold=1))
    variant = run(pool, task(trial=0, fold=2, recipe=longer)).result
    assert [point.epoch for point in variant.curve] == [1, 2, 3]
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other_seed).max() > 1e-4
    assert np.abs(first - other_trial).max() > 1e-4


def test_a_candidate_that_cannot_be_trained_is_its_own_fault_and_the_slot_goes_on(pool):
    broken = run(pool, task(units=-1))
    assert broken.outcome.status == "failed"
    assert broken.result is None
    diverging = run(pool, task(trial=1, recipe=Recipe(optimizer="sgd", learning_rate=1e30)))
    assert diverging.outcome.status == "diverged"
    assert run(pool, task(trial=2)).result is not None


def test_a_slot_takes_one_fold_fit_at_a_time(pool):
    with pytest.raises(RuntimeError, match="no fold fit is under way"):
        pool.wait()
    pool.submit(0, task())
    with pytest.raises(RuntimeError, match="not free"):
        pool.submit(0, task(fold=1))
    pool.wait()


@pytest.mark.slow
def test_processes_and_the_own_process_give_the_same_scores(one_process, space, stripes):
    theirs = run(one_process, task()).result
    ours = run(InlinePool(space, stripes), task()).result
    np.testing.assert_allclose(theirs.probabilities, ours.probabilities, atol=1e-5)


@pytest.mark.slow
def test_two_slots_work_at_the_same_time(processes):
    pool = processes(2)
    pool.submit(0, task(trial=0, recipe=ENDLESS))
    pool.submit(1, task(trial=1))
    assert pool.wait().slot == 1


@pytest.mark.slow
def test_a_worker_that_dies_costs_its_fold_in_flight_only(processes):
    pool = processes(2)
    expected = run(pool, task(fold=1)).result.probabilities
    pool.submit(0, task(fold=0))
    pool.submit(1, task(trial=1, recipe=ENDLESS))
    assert pool.wait().slot == 0
    victim = pool.pids()[1]
    os.kill(victim, signal.SIGKILL)
    done = pool.wait()
    assert done.slot == 1
    assert "SIGKILL" in done.died
    assert (done.result, done.outcome, done.out_of_memory) == (None, None, False)
    assert victim not in pool.pids()
    np.testing.assert_array_equal(run(pool, task(fold=1), 1).result.probabilities, expected)


@pytest.mark.slow
def test_a_worker_that_died_idle_is_replaced_unnoticed(processes):
    pool = processes(1)
    run(pool, task())
    os.kill(pool.pids()[0], signal.SIGKILL)
    pool._slots[0].worker.process.wait()
    assert run(pool, task(fold=1)).result is not None


@pytest.mark.slow
def test_workers_are_replaced_after_some_candidates_and_the_successor_starts_ahead(processes):
    pool = processes(1, candidates_per_worker=2)
    seen, scores = [], []
    for trial in range(5):
        done = run(pool, task(trial=trial))
        run(pool, task(trial=trial, fold=1))  # a second fold stays where the candidate is
        seen.append(pool.pids()[0])
        scores.append(done.result.log_loss)
        if trial == 1:
            assert len(pool._workers()) == 2
    assert seen[0] == seen[1] != seen[2] == seen[3] != seen[4]
    other = processes(1)
    alone = [run(other, task(trial=trial)).result.log_loss for trial in (2, 4)]
    assert alone == [scores[2], scores[4]]


@pytest.mark.slow
def test_more_workers_than_memory_allows_are_given_up(processes):
    lines = []
    pool = processes(2, memory=GIB, say=lines.append)
    done = run(pool, task())
    assert pool.slots == 1
    assert lines == [f"a worker takes {done.memory / GIB:.1f} of 1.0 GiB: going on with 1 worker"]
    run(pool, task(fold=1))
    assert len(pool.pids()) == 1


@pytest.mark.slow
def test_a_worker_that_the_system_kills_for_memory_costs_a_worker(processes, monkeypatch):
    monkeypatch.setattr(process_module, "_memory_kills", lambda: 10**9)
    lines = []
    pool = processes(2, say=lines.append)

    def killed():
        pool.submit(0, task(recipe=ENDLESS))
        os.kill(pool.pids()[0], signal.SIGKILL)
        return pool.wait()

    first, last = killed(), killed()
    assert lines == ["the system killed a worker for lack of memory: going on with 1 worker"]
    assert pool.slots == 1
    assert first == FoldDone(0, died=first.died, blameless=True)
    assert (last.blameless, last.out_of_memory) == (False, True)  # the last one stays
    assert "SIGKILL" in first.died
    assert "SIGKILL" in last.died


@pytest.mark.slow
def test_a_worker_that_dies_in_the_middle_of_a_message_is_replaced(processes):
    pool = processes(1)
    run(pool, task())
    worker = pool._slots[0].worker
    ours, theirs = socket.socketpair()
    worker.channel.close()
    worker.channel = Connection(ours.detach())
    pool._slots[0].task = task(fold=1)
    theirs.sendall(struct.pack("!i", 1000) + b"half of it")
    theirs.close()
    worker.process.kill()
    assert "SIGKILL" in pool.wait().died
    assert run(pool, task(fold=1)).result is not None


@pytest.mark.slow
def test_no_worker_stays_if_another_cannot_be_started(processes, monkeypatch):
    started, start = [], process_module._Worker.start

    def second_fails(*args):
        if started:
            raise OSError("too many open files")
        started.append(start(*args))
        return started[0]

    monkeypatch.setattr(process_module._Worker, "start", second_fails)
    with pytest.raises(OSError, match="too many"):
        processes(2)
    assert started[0].process.poll() == -signal.SIGKILL


@pytest.mark.slow
def test_large_examples_on_disk_are_mapped_by_the_workers(
    processes, one_process, stripes, tmp_path
):
    import dataclasses

    from automl_sem.data.examples import STREAMED_BYTES

    # The spare rows are a hole in the file: no bytes on disk, and none read.
    rows = STREAMED_BYTES // stripes.x[0].nbytes + 1
    shape = (rows, *stripes.x.shape[1:])
    large = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", stripes.x.dtype, shape)
    large[: len(stripes.x)] = stripes.x
    mapped = dataclasses.replace(stripes, x=large)
    done = run(processes(1, part=mapped), task())
    assert "too large to be held in memory" in done.note
    np.testing.assert_allclose(
        done.result.probabilities, run(one_process, task()).result.probabilities, atol=2e-4
    )


@pytest.mark.slow
def test_a_worker_that_cannot_start_is_one_line(processes, tiny_space):
    text = tiny_space.read_text()
    tiny_space.write_text("raise ImportError('no such thing')\n" + text)
    pool = processes(1)
    pool.submit(0, task())
    with pytest.raises(UserError, match=r"a worker process cannot start: .*no such thing"):
        pool.wait()
