"""Effective depth: how many layers does it take until the nearest class centre gives the label?

    depth(ε) = min { l : eₗ ≤ ε }        eₗ = share of examples whose nearest centre in layer l is not their class's
    nearest_center_depth = depth(0.05)    nearest_center_depth_mean = ∫₀¹ depth(ε) dε = Σₗ min_{k≤l} eₖ

Layers l count from 0, the inputs, to the last hidden layer; the network's output after it has error 0. Centres are
the classes' means. The unit is layers. The mean over all ε has no threshold to choose, and fewer ties.

Galanti, Galanti & Ben-Shaul 2022 (arXiv:2202.09028), ε-effective depth.
Differs from the paper:
1. Layers are weight layers with what follows them, and the inputs are layer 0.
2. ε = 0.05, where the paper has smaller ones on larger training sets; and the mean over ε is not the paper's.
3. The output counts as error 0 whatever the network does, so that the depth is finite.
4. Feature maps larger than 4x4 are averaged to that, and at most 1,000 examples are looked at.

Claims: larger gap (Galanti, Galanti & Ben-Shaul 2022, abstract).
Random labels: separates (Galanti, Galanti & Ben-Shaul 2022, abstract).
"""

import itertools

from measures import measure
from measures.once_per_model import once_per_model
from measures.representation._class_statistics import class_statistics
from measures.representation._layer_features import hidden_layers, layer_features
from measures.trained_model import TrainedModel

TOLERATED_ERROR = 0.05
UNMOVED = {"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"}


@measure(source="Galanti, Galanti & Ben-Shaul 2022, effective depth", invariant_to=UNMOVED)
def nearest_center_depth(trained: TrainedModel) -> float:
    errors = nearest_center_errors(trained)
    return float(next((layer for layer, error in enumerate(errors) if error <= TOLERATED_ERROR), len(errors)))


@measure(source="Galanti, Galanti & Ben-Shaul 2022, effective depth, mean over its threshold", invariant_to=UNMOVED)
def nearest_center_depth_mean(trained: TrainedModel) -> float:
    return sum(itertools.accumulate(nearest_center_errors(trained), min))


@once_per_model
def nearest_center_errors(trained: TrainedModel) -> tuple[float, ...]:
    """The misclassified share of the sample in each layer, inputs first."""
    errors = []
    for layer in (0, *hidden_layers(trained)):
        statistics = class_statistics(trained, layer)
        features, centres = layer_features(trained)[layer], statistics.centres
        # The nearest centre is the one with the largest ⟨h, μ⟩ − ‖μ‖²/2.
        nearest = (features @ centres.T - centres.square().sum(dim=1) / 2).argmax(dim=1)
        errors.append(float((nearest != statistics.members).double().mean()))
    return tuple(errors)
