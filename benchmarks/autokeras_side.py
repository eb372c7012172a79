"""A peer of `images.py`: AutoKeras's ImageClassifier, as its tutorial has people use it.

AutoKeras 3.0.0 needs an older TensorFlow and Keras than this project, so that it has an environment
of its own, which `images.py` makes, and imports nothing of ours:

    AUTOKERAS_VENV/bin/python benchmarks/autokeras_side.py DATA.npz OUT.json --trials 5 --epochs 30

Interrupted, it tells what the best model so far says.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import autokeras
import numpy as np


def main() -> None:
    """Search, and write what the best model says of the test images as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--trials", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with np.load(options.data) as file:
        arrays = dict(file)
    # The last fifth is what it validates on, as they come: a folder comes class by class.
    order = np.random.default_rng(options.seed).permutation(len(arrays["y_train"]))
    x, y = arrays["x_train"][order], arrays["y_train"][order]
    with tempfile.TemporaryDirectory() as folder:
        classifier = autokeras.ImageClassifier(
            max_trials=options.trials, directory=folder, overwrite=True, seed=options.seed + 1
        )
        ended = True
        try:
            classifier.fit(x, y, epochs=options.epochs, verbose=0)
        except KeyboardInterrupt:
            ended = False
        result: dict[str, Any] = {"ended": ended, **trials(classifier.tuner)}
        if result["trials"] and not ended:
            keep_pipeline(classifier.tuner)
        for part in ("test", "hard"):
            if result["trials"] and f"x_{part}" in arrays:
                said = classifier.predict(arrays[f"x_{part}"], verbose=0)
                result[part] = np.asarray(said).ravel().astype(int).tolist()
    options.out.write_text(json.dumps(result), encoding="utf-8")


def trials(tuner: Any) -> dict[str, int]:
    """Return how many trials have a score, and how many failed: one that needs a download may."""
    states = [str(trial.status) for trial in tuner.oracle.trials.values()]
    return {"trials": states.count("COMPLETED"), "failed": states.count("INVALID")}


def keep_pipeline(tuner: Any) -> None:
    """Put the preprocessing of the best trial where `predict` looks for it, as `fit` does last."""
    best = tuner.oracle.get_best_trials(1)[0].trial_id
    pipeline = Path(tuner._pipeline_path(best))
    Path(tuner.best_pipeline_path).write_bytes(pipeline.read_bytes())


if __name__ == "__main__":
    main()
