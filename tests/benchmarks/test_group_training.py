"""How many networks a minute are trained one by one and together, seeds of one recipe on random labels.

    pytest tests/benchmarks/test_group_training.py -s

On the GPU if there is one, else on the processor, where little is to be expected: launching a kernel costs next to
nothing there. The extra info says which device it was.
"""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.training.batches import Examples, Labelled
from harness.training.examples import data_set
from harness.training.group_training import fit_group
from harness.training.recipe import Recipe
from harness.training.train import Fit, fit
from tests.benchmarks.digits_networks import ON_RANDOM_LABELS

pytestmark = pytest.mark.slow

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
SEEDS = 32 if DEVICE == "cuda" else 4


def one_by_one(recipes: list[Recipe], data: list[Labelled]) -> list[Fit]:
    moved = [(images.to(DEVICE), labels.to(DEVICE)) for images, labels in data]
    return [fit(recipe, Examples(*labelled, 10)) for recipe, labelled in zip(recipes, moved, strict=True)]


def together(recipes: list[Recipe], data: list[Labelled]) -> list[Fit]:
    return fit_group(recipes, data, 10, DEVICE)


@pytest.mark.parametrize("train", [one_by_one, together])
@pytest.mark.parametrize("network", ON_RANDOM_LABELS)
def test_networks_trained_a_minute(benchmark: Any, network: str, train: Any, tmp_path: Path) -> None:
    recipes = [dataclasses.replace(ON_RANDOM_LABELS[network], seed=seed) for seed in range(SEEDS)]
    data = [(found.train_inputs, found.train_labels) for found in (data_set(recipe, tmp_path) for recipe in recipes)]
    train([dataclasses.replace(recipe, max_epochs=1) for recipe in recipes], data)  # libraries load, kernels are chosen
    benchmark.group = network
    fits = benchmark.pedantic(train, args=(recipes, data), rounds=1)
    name = torch.cuda.get_device_name() if DEVICE == "cuda" else f"CPU, {torch.get_num_threads()} thread"
    minutes = benchmark.stats.stats.min / 60
    networks, steps = SEEDS / minutes, sum(done.history.steps for done in fits) / minutes / 60
    benchmark.extra_info |= {
        "device": name,
        "networks [a minute]": round(networks, 1),
        "steps [a second]": round(steps),
    }
    print(
        f"\n{network} {train.__name__} on {name}: {networks:.1f} networks a minute, {steps:.0f} of their steps a second"
    )
    assert all(done.fitted for done in fits)
