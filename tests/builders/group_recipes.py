"""Recipes that can be trained together, and their examples."""

from pathlib import Path

import torch

from harness.training.examples import data_set
from harness.training.recipe import Recipe

CONDITIONS = ("true_labels", "random_labels", "gaussian")
RATES = {"mlp_1x64": 0.05, "convnet": 0.03, "convnet_bn": 0.03, "inception_small": 0.03, "alexnet_small": 0.03}
RATES |= {"residual_mlp_1x64": 0.05, "resnet_small": 0.03, "resnet_small_gn": 0.03, "vit_small": 0.03}


def recipes(network="mlp_1x64", seeds=1, conditions=CONDITIONS, num_train=100, **changes):
    changes = {"learning_rate": RATES[network], "batch_size": 32, **changes}
    fixed = {"data_set": "digits", "network": network, "num_train": num_train, **changes}
    return [Recipe(seed=seed, condition=condition, **fixed) for condition in conditions for seed in range(seeds)]


def examples(recipe):
    data = data_set(recipe, Path())
    return data.train_inputs.to(torch.get_default_dtype()), data.train_labels
