"""How many workers a search takes, and what each gets of the machine."""

import pytest

from automl_sem.errors import UserError
from automl_sem.workers.plan import HEADROOM, plan_workers, slots_in_memory

GIB = 2**30


def plan(wanted="auto", trials=100, cores=8, memory=64 * GIB, gpus=0, **options):
    return plan_workers(wanted, trials=trials, cores=cores, memory=memory, gpus=gpus, **options)


@pytest.fixture(autouse=True)
def _no_gpus_chosen(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_without_gpus_each_core_has_a_worker_with_one_thread():
    found = plan()
    assert (found.workers, found.threads, found.gpus, found.note) == (8, 1, (), "")
    assert found.environment(3)["CUDA_VISIBLE_DEVICES"] == "-1"


def test_workers_that_hold_large_examples_are_fewer():
    assert plan(memory=8 * GIB).workers > plan(memory=8 * GIB, held=GIB).workers >= 1


def test_cores_are_divided():
    assert plan(2).threads == 4
    assert plan(3).threads == 2
    assert plan(16).threads == 1


def test_tiny_examples_do_not_keep_a_second_thread_busy():
    assert plan(2, example_values=8 * 8).threads == 1
    assert plan(2, example_values=24 * 24).threads == 4
    assert plan(0, example_values=8 * 8).threads == 0


def test_few_trials_take_few_workers_so_that_the_sampler_still_learns():
    assert plan(trials=13).workers == 3
    assert plan(trials=1).workers == 1
    assert plan(trials=None).workers == 8
    assert plan(6, trials=3).workers == 6  # who asks for more gets more


def test_auto_takes_what_memory_allows_in_silence():
    found = plan(memory=4 * GIB)
    assert 1 < found.workers < 8
    assert found.note == ""


def test_more_workers_than_memory_allows_are_reduced_and_it_is_said():
    found = plan(64, memory=4 * GIB)
    assert found.workers == 4  # (0.9 * 4096 - 700) / 700 MiB
    assert found.note.startswith("64 workers do not fit into 4.0 GiB")
    assert plan(1, memory=GIB // 2).workers == 1


def test_as_many_workers_stay_as_fit_beside_the_search():
    room = int((0.5 + 2.5) * GIB / HEADROOM)
    assert slots_in_memory(GIB, GIB // 2, room) == 2
    assert slots_in_memory(GIB, GIB // 2, 2 * room) == 5


def test_no_worker_is_the_search_itself():
    found = plan(0)
    assert (found.workers, found.threads, found.note) == (0, 0, "")


def test_each_gpu_has_a_worker_that_sees_it_alone():
    found = plan(gpus=2)
    assert (found.workers, found.threads) == (2, 4)
    assert [found.environment(n)["CUDA_VISIBLE_DEVICES"] for n in range(2)] == ["0", "1"]


def test_workers_may_share_a_gpu():
    found = plan(gpus=2, per_gpu=3)
    visible = [found.environment(n)["CUDA_VISIBLE_DEVICES"] for n in range(6)]
    assert found.workers == 6
    assert sorted(visible) == ["0", "0", "0", "1", "1", "1"]


def test_gpu_options_that_do_nothing_or_too_much_are_said():
    assert plan(5, gpus=1).note == "5 workers share 1 GPU"
    assert plan(4, gpus=2, per_gpu=2).note == ""
    assert plan(per_gpu=4).note == "--workers-per-gpu does nothing without a GPU"


def test_some_of_the_gpus():
    assert plan(gpus=4, wanted_gpus=1).gpus == ("0",)
    assert plan(gpus=4, wanted_gpus=0).workers == 8  # a core each, on the processor
    assert plan(gpus=4, wanted_gpus=0).gpus == ()


def test_gpus_are_named_as_the_person_chose_them(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    assert plan(gpus=2).gpus == ("3", "5")


@pytest.mark.parametrize(("gpus", "there"), [(0, "no GPU is visible"), (1, "only 1 visible")])
def test_more_gpus_than_there_are_is_an_error(gpus, there):
    with pytest.raises(UserError, match=there):
        plan(gpus=gpus, wanted_gpus=2)
