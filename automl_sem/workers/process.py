"""What runs in a worker process: take a fold fit, do it, send how it ended.

It is started by `automl_sem.workers.processes`, and ends when the search does: a pipe that
only the search's process holds open is its lifeline.
"""

from __future__ import annotations

import gc
import os
import signal
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection

STOP = None


@dataclass(frozen=True)
class Ready:
    """A worker process is ready for fold fits."""


def main(connection: int, lifeline: int) -> None:
    """Serve fold fits until told to stop.

    Args:
        connection: File descriptor of the socket to the search.
        lifeline: File descriptor of a pipe that closes when the search's process ends.
    """
    # Ctrl-C reaches the whole group of processes; the search decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with, args=(lifeline,), daemon=True).start()
    with Connection(connection) as channel:
        try:
            _serve(channel)
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return  # the search is gone


def _serve(channel: Connection) -> None:
    from automl_sem.backend import use_tensorflow
    from automl_sem.workers.setup import Setup

    setup: Setup = channel.recv()
    use_tensorflow()
    import tensorflow as tf

    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)
    if setup.threads:
        tf.config.threading.set_intra_op_parallelism_threads(setup.threads)
        tf.config.threading.set_inter_op_parallelism_threads(setup.threads)
    from automl_sem.scoring.gan.fakes import Forgers
    from automl_sem.scoring.gan.judges import Judges
    from automl_sem.scoring.stress import stress_folds
    from automl_sem.workers.runner import FoldRunner

    part = setup.load_part()
    stress = stress_folds(setup.stress, part, setup.seed)
    judges = Judges(part, setup.seed, setup.judges)
    forgers = None
    if setup.design is not None:
        forgers = Forgers(part, setup.seed, setup.design, setup.drawn)
    runner = FoldRunner(setup.load_space(), part, setup.slot, stress, judges, forgers)
    # What is here stays: a collection after each candidate need not look at TensorFlow's modules.
    gc.collect()
    gc.freeze()
    channel.send(Ready())
    while (task := channel.recv()) is not STOP:
        channel.send(runner.run(task))


def _die_with(lifeline: int) -> None:
    """End this process, even in the middle of a fit, when nobody holds the pipe any more."""
    while os.read(lifeline, 1):
        pass
    os._exit(1)
