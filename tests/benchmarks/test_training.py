"""How long each network of the digits zoo takes to fit random labels, the longest of the gate's conditions."""

from pathlib import Path
from typing import Any

import pytest

from harness.training.recipe import Recipe
from harness.training.train import train
from harness.zoo.zoos import ZOOS

pytestmark = pytest.mark.slow

RATES = {name: how["learning_rate"] for name, how in ZOOS["digits"].networks.items()}


@pytest.mark.parametrize("network", RATES)
def test_training_on_random_labels(benchmark: Any, network: str, tmp_path: Path) -> None:
    recipe = Recipe(data_set="digits", network=network, learning_rate=RATES[network], seed=0, condition="random_labels")
    _, outcome, _ = benchmark.pedantic(train, args=(recipe, tmp_path), rounds=2, warmup_rounds=1)
    benchmark.extra_info["steps"] = outcome.steps
    assert outcome.fitted
