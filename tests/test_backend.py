"""How TensorFlow is set up, in a process of its own."""

import subprocess
import sys

ASK = """
import os
from automl_sem.backend import use_tensorflow
use_tensorflow()
print(os.environ["TF_FORCE_GPU_ALLOW_GROWTH"])
"""


def test_the_search_does_not_take_all_memory_of_a_gpu(monkeypatch):
    monkeypatch.delenv("TF_FORCE_GPU_ALLOW_GROWTH", raising=False)
    asked = [sys.executable, "-c", ASK]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "true"
