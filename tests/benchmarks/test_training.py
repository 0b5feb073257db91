"""How long each network of the digits zoo takes to fit random labels, the longest of the gate's conditions."""

from pathlib import Path
from typing import Any

import pytest

from harness.training.train import train
from tests.benchmarks.digits_networks import ON_RANDOM_LABELS

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("network", ON_RANDOM_LABELS)
def test_training_on_random_labels(benchmark: Any, network: str, tmp_path: Path) -> None:
    _, outcome, _ = benchmark.pedantic(train, args=(ON_RANDOM_LABELS[network], tmp_path), rounds=2, warmup_rounds=1)
    benchmark.extra_info["steps"] = outcome.steps
    assert outcome.fitted
