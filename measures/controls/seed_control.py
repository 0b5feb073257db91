"""A control: a number drawn by the recipe's seed. Twins share their seed, so it ties on every pair and must lose.

    μ ~ uniform on [0, 1), drawn by `trained.generator()`

It is the random part of a measure that has nothing else: were twins to receive different draws, it would be a coin.

Claims: nothing, it is a control.
Random labels: nothing.
"""

import torch

from measures import INVARIANCES, measure
from measures.trained_model import TrainedModel


@measure(source="a control", invariant_to=INVARIANCES)
def seed_control(trained: TrainedModel) -> float:
    return float(torch.rand((), generator=trained.generator(), dtype=torch.float64))
