"""TensorFlow as the backend of Keras, chosen before Keras is imported."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from automl_sem.errors import UserError

_HINT = "Run `unset KERAS_BACKEND` (or set it to tensorflow) and start again"


def use_tensorflow() -> None:
    """Make Keras run on TensorFlow; call it before the first import of Keras.

    Raises:
        UserError: If `KERAS_BACKEND` names another backend, or Keras was already
            imported with another one.
    """
    wanted = os.environ.get("KERAS_BACKEND", "tensorflow")
    if wanted != "tensorflow":
        raise UserError(
            f"automl-sem needs Keras on TensorFlow, but KERAS_BACKEND is {wanted!r}",
            where="environment",
            hint=_HINT,
        )
    os.environ["KERAS_BACKEND"] = "tensorflow"
    # The search's own process builds models too: it must not take the memory of its workers.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    if "tensorflow" not in sys.modules:
        _import_quietly()
    import keras

    if keras.backend.backend() != "tensorflow":
        raise UserError(
            f"Keras was already imported on {keras.backend.backend()!r}",
            where="environment",
            hint=_HINT,
        )


def _import_quietly() -> None:
    """Import TensorFlow without its start-up chatter, unless the user asked for a log level."""
    chatty = "TF_CPP_MIN_LOG_LEVEL" in os.environ
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with contextlib.nullcontext() if chatty else _native_stderr_closed():
        import tensorflow as tf

        # Looking for GPUs is what prints; it does not initialise the devices yet.
        tf.config.list_physical_devices()


@contextlib.contextmanager
def _native_stderr_closed() -> Iterator[None]:
    """Send file descriptor 2 to nowhere: the chatter comes from C++, before any log level."""
    try:
        saved = os.dup(2)
    except OSError:  # no stderr at all
        yield
        return
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
