"""Small recipes on digits, and what went through a network while it was trained."""

import dataclasses
from pathlib import Path

import torch

from harness.training.batches import Examples
from harness.training.examples import data_set
from harness.training.recipe import Recipe
from harness.training.train import fit

SMALL = Recipe(data_set="digits", network="mlp_1x128", learning_rate=0.1, seed=0, num_train=200, batch_size=64)
SMALL_CONVNET = dataclasses.replace(SMALL, network="convnet_bn", learning_rate=0.06, num_train=150)
ATTACKED = dataclasses.replace(SMALL, attack=100)
DROPPED = dataclasses.replace(SMALL, dropout=0.5)
CROPPED = dataclasses.replace(SMALL, random_crop=1)
REGULARIZED = [DROPPED, CROPPED, dataclasses.replace(SMALL_CONVNET, dropout=0.5, random_crop=1)]


@dataclasses.dataclass
class Recording:
    """What went through a network while it was trained: the batches of inputs, in order, in training mode.

    `states` has the weights and running statistics before each of these steps.
    """

    batches: list
    states: list

    def examples(self, inputs):
        """Which training examples each batch held."""
        flat = inputs.flatten(1)
        return [(batch.flatten(1)[:, None] == flat).all(dim=2).int().argmax(dim=1).tolist() for batch in self.batches]


def same_weights(a, b):
    return same_state(a.state_dict(), b.state_dict())


def same_state(a, b):
    return a.keys() == b.keys() and all(torch.equal(tensor, b[name]) for name, tensor in a.items())


def every_example(data):
    """Inputs and labels of the training set, and after it those of the attack."""
    if data.attack_inputs is None:
        return data.train_inputs, data.train_labels
    return torch.cat([data.train_inputs, data.attack_inputs]), torch.cat([data.train_labels, data.attack_labels])


def fit_small(steps=None, **changes):
    recipe = dataclasses.replace(SMALL, **changes)
    data = data_set(recipe, Path())
    return fit(recipe, Examples(data.train_inputs, data.train_labels, data.num_classes), steps=steps)
