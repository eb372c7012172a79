"""Load an export in a fresh process, without this package, and compare its predictions."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_sem.data.evenly import evenly
from automl_sem.errors import one_line
from automl_sem.export.base import Format
from automl_sem.export.intake import ImageIntake, Intake
from automl_sem.export.outlet import AS_THEY_ARE, Outlet
from automl_sem.export.wrap import predict_core
from automl_sem.scoring.kernels import without_gpu_kernels
from automl_sem.types import Floats

Inputs = Sequence[NDArray[Any]]  # one array for each input of a model

TOLERANCE = 1e-5
EXAMPLES = 32
TIMEOUT_S = 600

_SCRIPT = """\
from __future__ import annotations

import sys

sys.modules.update(dict.fromkeys({without!r}))  # None: cannot be imported

import numpy as np


{load}

predict = {name}(sys.argv[1])
with np.load(sys.argv[2]) as batches:
    inputs = {{}}
    for name in batches.files:
        inputs.setdefault(name.partition("@")[0], []).append(batches[name])
    answers = {{name: predict(*arrays) for name, arrays in inputs.items()}}
np.savez(sys.argv[3], **answers)
"""


@dataclass(frozen=True)
class Verification:
    """Whether an export predicts what the trained model predicts.

    Args:
        max_abs_diff: Largest difference of a probability, or of a number as a share of its usual
            size; None if there are none.
        reason: Why it does not; empty when it does.
    """

    max_abs_diff: float | None
    reason: str = ""

    @property
    def verified(self) -> bool:
        """Whether it does."""
        return not self.reason


def verify(
    made: Format,
    path: Path,
    core: Any,
    examples: NDArray[Any],
    views: str = "none",
    intake: Intake | None = None,
    outlet: Outlet = AS_THEY_ARE,
) -> Verification:
    """Compare an export with the trained model on real examples, in sizes and lengths as they come.

    Args:
        made: The format.
        path: Its file or folder.
        core: The model as trained, in this process.
        examples: Examples of the training part, (n, ...); at most `EXAMPLES` of them are taken.
        views: What predictions are averaged over, as in the recipe.
        intake: How examples enter the model; None for images of any size, which are stretched.
        outlet: What becomes of its outputs; numbers may differ by so much of their size.
    """
    import tensorflow as tf

    intake = intake or ImageIntake(core)
    rows = evenly(len(examples), EXAMPLES)
    batches = intake.batches(examples[rows])
    expected = {}
    for name, batch in batches.items():
        try:
            # Like the fresh process: GPUs round differently.
            with tf.device("CPU:0"), without_gpu_kernels(core):
                expected[name] = predict_core(core, batch, views, intake, outlet) / outlet.scale
        except Exception as error:  # a network may be made for what it was trained on alone
            reason = f"the network itself cannot predict a batch ({name}): {one_line(error)}"
            return Verification(None, reason)
    if doubt := intake.doubt(expected, TOLERANCE):
        return Verification(None, doubt)
    try:
        received = _predict_in_fresh_process(made, path, batches)
    except _FreshProcessError as error:
        return Verification(None, f"cannot be loaded and used in a fresh process: {error}")
    return _compare(expected, {name: said / outlet.scale for name, said in received.items()})


def verify_generator(made: Format, path: Path, generator: Any, inputs: Inputs) -> Verification:
    """Compare an exported generator with the trained one on some noise.

    Args:
        made: The format.
        path: Its file or folder.
        generator: The generator as trained, in this process.
        inputs: Noise, (n, latent_dim), and class numbers, (n,), if it takes them.
    """
    import tensorflow as tf

    with tf.device("CPU:0"):
        given = inputs[0] if len(inputs) == 1 else list(inputs)
        expected = {"noise": generator(given, training=False).numpy()}
    batches = {f"noise@{number}": values for number, values in enumerate(inputs)}
    try:
        received = _predict_in_fresh_process(made, path, batches)
    except _FreshProcessError as error:
        return Verification(None, f"cannot be loaded and used in a fresh process: {error}")
    return _compare(expected, received)


def _compare(expected: Mapping[str, Floats], received: Mapping[str, Floats]) -> Verification:
    shapes = {name: (expected[name].shape, received[name].shape) for name in expected}
    for name, (ours, theirs) in shapes.items():
        if ours != theirs:
            return Verification(None, f"predicts shape {theirs} instead of {ours} ({name})")
    difference = max(float(np.abs(expected[n] - received[n]).max()) for n in expected)
    if not difference <= TOLERANCE:  # also when it is NaN
        reason = f"predicts otherwise than the trained model: by up to {difference:.3g}"
        return Verification(difference if np.isfinite(difference) else None, reason)
    return Verification(difference)


class _FreshProcessError(RuntimeError):
    """The fresh process did not come to predictions."""


def _predict_in_fresh_process(
    made: Format, path: Path, batches: Mapping[str, NDArray[Any]]
) -> dict[str, Floats]:
    without = ("automl_sem", *made.without)
    script = _SCRIPT.format(
        without=without, load=inspect.getsource(made.load), name=made.load.__name__
    )
    with tempfile.TemporaryDirectory(prefix="automl-sem-verify-") as folder:
        examples, probabilities = Path(folder, "examples.npz"), Path(folder, "out.npz")
        np.savez(examples, **dict[str, Any](batches))
        command = [sys.executable, "-c", script, path.resolve(), examples, probabilities]
        try:
            subprocess.run(
                list(map(str, command)),
                cwd=folder,
                env=_environment(),
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
                check=True,
            )
        except subprocess.CalledProcessError as error:
            lines = error.stderr.strip().splitlines() or [f"exit code {error.returncode}"]
            raise _FreshProcessError(lines[-1][:300]) from error
        except subprocess.TimeoutExpired as error:
            raise _FreshProcessError(f"no answer within {TIMEOUT_S} s") from error
        with np.load(probabilities) as file:
            return {name: file[name] for name in file.files}


def _environment() -> dict[str, str]:
    """Return an environment for the CPU, in which PYTHONPATH does not lead to this package."""
    environment = {
        **os.environ,
        "CUDA_VISIBLE_DEVICES": "-1",
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    entries = environment.pop("PYTHONPATH", "").split(os.pathsep)
    kept = [entry for entry in entries if entry and not Path(entry, "automl_sem").exists()]
    if kept:
        environment["PYTHONPATH"] = os.pathsep.join(kept)
    return environment
