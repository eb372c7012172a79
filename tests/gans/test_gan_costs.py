"""What a GAN costs to run is what its generator costs, which is what is exported."""

import pytest
from small_gans import SHAPE, small_gan

from automl_sem.costs import Demands, size_mb


@pytest.mark.parametrize("conditional", [False, True])
def test_the_generator_counts(conditional):
    gan = small_gan(conditional)
    names = ("params", "size_mb", "memory_mb", "latency_ms")
    found = Demands({"params": 1e9}, names).costs(gan, SHAPE)
    assert found["params"] == gan.generator.count_params()
    assert found["size_mb"] == size_mb(gan.generator) < found["memory_mb"]
    assert found["latency_ms"] > 0
