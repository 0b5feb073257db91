"""Held-out error: what a tenth of the training set says of a network trained on the rest.

    μ = (1/m) Σ_{(x, y) ∈ H} 1[argmax f(x) ≠ y]     H a random tenth of the training set, m = |H|, f trained without H

The validation error of common practice. The given network's weights do not enter: the value is about its training set
and its training. With random labels the held-out labels are as random as the rest.

Devroye & Wagner 1979, the holdout estimate.
Differs from common practice: the network that is judged saw all of the training set; f stands in for it.

Claims: larger gap (Devroye & Wagner 1979).
Random labels: unknown (the source could not be had).
"""

from measures import measure
from measures.quantities.hold_out import hold_out, predictions
from measures.trained_model import TrainedModel


@measure(
    source="Devroye & Wagner 1979, holdout estimate",
    cost="retrain",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def held_out_error(trained: TrainedModel) -> float:
    held_out, kept = hold_out(trained)
    network = trained.retrain(trained.inputs[kept], trained.labels[kept])
    wrong = predictions(trained, network, trained.inputs[held_out]) != trained.labels[held_out]
    return float(wrong.double().mean())
