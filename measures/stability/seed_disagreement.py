"""Seed disagreement: how often do two runs of the same training differ on inputs that neither has seen?

    μ = (1/m) Σ_{x ∈ H} 1[argmax f(x) ≠ argmax f′(x)]     H a random tenth of the training inputs, m = |H|

f and f′ are trained on the other nine tenths with different seeds (initialisation and order of examples). Where
ensembles of such networks are calibrated, the expected disagreement equals the expected test error. The labels of H
are not used. The given network's weights do not enter: the value is about its training set and its training.

Jiang, Nagarajan, Baek & Kolter 2022 (arXiv:2106.13799), the generalization disagreement equality.
Differs from the paper: no test inputs may be seen, so a tenth of the training inputs is held out in their place and
the networks are trained on less; under random inputs H is as random as the rest.

Claims: larger gap (Jiang, Nagarajan, Baek & Kolter 2022, abstract).
Random labels: unknown (only the abstract could be had).
"""

from measures import measure
from measures.quantities.hold_out import hold_out, predictions
from measures.trained_model import TrainedModel


@measure(
    source="Jiang, Nagarajan, Baek & Kolter 2022, generalization disagreement equality",
    cost="retrain",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def seed_disagreement(trained: TrainedModel) -> float:
    held_out, kept = hold_out(trained)
    first, second = (
        predictions(
            trained,
            trained.retrain(trained.inputs[kept], trained.labels[kept], reseed),
            trained.inputs[held_out],
        )
        for reseed in (0, 1)
    )
    return float((first != second).double().mean())
