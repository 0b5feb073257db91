"""Gradient noise early: how much does the gradient depend on the training example, after one epoch of training?

    μ = (1/n) Σᵢ ‖gᵢ − ḡ‖²     gᵢ = ∇_θ ℓ(f_θ(xᵢ), yᵢ),  ḡ = (1/n) Σᵢ gᵢ

ℓ is the cross-entropy in nats, θ all weights at the end of the first epoch: the trace of the gradients' covariance over
all n training examples.

Jiang et al. 2020 (arXiv:1912.02178), the variance of gradients after the first epoch; gradient_noise.py has the other
one, at the end of training.
Differs from the paper: batch normalization uses its running statistics, so that every example has a gradient of its
own; the weights of the first epoch's end are kept to three digits.

Claims: larger gap (its measures are all stated as complexities).
Random labels: unknown (the text of the paper could not be had).
"""

from measures import measure
from measures.early_networks import first_epochs_network
from measures.quantities.per_example import CHUNK, forward_passes, norms_and_sum
from measures.trained_model import TrainedModel


@measure(
    source="Jiang et al. 2020, variance of gradients after the first epoch",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def first_epoch_gradient_noise(trained: TrainedModel) -> float:
    network = first_epochs_network(trained)
    n, squares, total = len(trained.labels), 0.0, None
    passes = forward_passes(network, trained.inputs.split(CHUNK))
    for passed, labels in zip(passes, trained.labels.split(CHUNK), strict=True):
        norms, summed = norms_and_sum(passed, labels)
        squares += float(norms.square().sum())
        total = summed.double() if total is None else total + summed
    assert total is not None
    return max(0.0, squares / n - float(total.square().sum()) / n**2)
