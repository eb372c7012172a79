"""The peers of `series.py`: sktime's LSTMFCNClassifier and aeon's MiniRocketClassifier.

They have an environment of their own, which `series.py` makes, and import nothing of ours:

    VENV/bin/python benchmarks/series_peers.py lstm-fcn FOLDER OUT.json --epochs 100 --seed 0

FOLDER holds NAME_TRAIN.ts and NAME_TEST.ts. Each peer reads them with its own library's loader, is
fitted to the training part, and then asked once about the test part. Both take series of one length
alone: where lengths differ, the library's own transformer fills up with zeros, its default, up to
the longest series of both parts, since either refuses a longer one than it was fitted to.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

BATCH_SIZE = 16


def main() -> None:
    """Fit, predict, and write how much of the test part is right as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("side", choices=("lstm-fcn", "minirocket"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--epochs", type=int, default=100, help="of LSTM-FCN")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cores", type=int, default=2, help="for MiniRocket")
    options = parser.parse_args()
    (train,) = options.folder.glob("*_TRAIN.ts")
    (test,) = options.folder.glob("*_TEST.ts")
    if options.side == "lstm-fcn":
        said, labels = lstm_fcn(train, test, options.epochs, options.seed)
    else:
        said, labels = minirocket(train, test, options.cores, options.seed)
    result = {"hits": int((said == labels).sum()), "tested_on": len(labels)}
    options.out.write_text(json.dumps(result), encoding="utf-8")


def lstm_fcn(train, test, epochs, seed):
    """Return what LSTM-FCN says of the test part, and its labels."""
    import keras
    from sktime.classification.deep_learning.lstmfcn import LSTMFCNClassifier
    from sktime.datasets import load_from_tsfile
    from sktime.transformations.padder import PaddingTransformer

    # Its random_state sets TensorFlow's seed alone, which Keras 3 does not draw weights with.
    keras.utils.set_random_seed(seed)
    x, y = load_from_tsfile(str(train))  # a data frame with a column a channel, a series a cell
    x_test, y_test = load_from_tsfile(str(test))
    lengths = {len(series) for part in (x, x_test) for series in part.iloc[:, 0]}
    if len(lengths) > 1:
        padder = PaddingTransformer(pad_length=max(lengths))
        x, x_test = padder.fit_transform(x), padder.transform(x_test)
    classifier = LSTMFCNClassifier(n_epochs=epochs, batch_size=BATCH_SIZE, random_state=seed)
    return classifier.fit(x, y).predict(x_test), y_test


def minirocket(train, test, cores, seed):
    """Return what MiniRocket says of the test part, and its labels."""
    from aeon.classification.convolution_based import MiniRocketClassifier
    from aeon.datasets import load_from_ts_file
    from aeon.transformations.collection.unequal_length import Padder

    x, y = load_from_ts_file(str(train))  # (series, channels, time), a list if lengths differ
    x_test, y_test = load_from_ts_file(str(test))
    lengths = {series.shape[1] for part in (x, x_test) for series in part}
    if len(lengths) > 1:
        padder = Padder(padded_length=max(lengths))
        x, x_test = padder.fit_transform(x), padder.transform(x_test)
    classifier = MiniRocketClassifier(n_jobs=cores, random_state=seed)
    return classifier.fit(x, y).predict(x_test), y_test


if __name__ == "__main__":
    main()
