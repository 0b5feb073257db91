"""Distance from initialization: how far did training travel?

    μ = ‖θ − θ₀‖₂     over every trained parameter, biases and batch normalization included

Nagarajan & Kolter 2019 (arXiv:1901.01672); Jiang et al. 2020 (arXiv:1912.02178), eq. 40 is its square, without biases.
Differs from the paper: the first considers weights only; here biases and batch normalization count as well.

Claims: larger gap (Nagarajan & Kolter 2019, abstract).
Random labels: separates (Nagarajan & Kolter 2019, MNIST with corrupted labels).
"""

import math

from measures import NotApplicable, measure
from measures.networks.plain_network import require_parameters
from measures.trained_model import TrainedModel


@measure(source="Nagarajan & Kolter 2019; Jiang et al. 2020, eq. 40")
def distance_from_init(trained: TrainedModel) -> float:
    for network in (trained.model, trained.init):
        require_parameters(network)
    now, start = dict(trained.model.named_parameters()), dict(trained.init.named_parameters())
    if now.keys() != start.keys():
        raise NotApplicable("the trained network's parameters are not those of its initialization")
    return math.sqrt(sum(float((now[p] - start[p]).detach().double().square().sum()) for p in now))
