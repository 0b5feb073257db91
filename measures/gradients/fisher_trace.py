"""Trace of the Fisher information: how far do the weights move the network's own predictions?

    Tr F = (1/m) Σᵢ Σ_y p(y | xᵢ) ‖∇_θ log p(y | xᵢ)‖²     p = softmax f_θ

    fisher_trace       = Tr F of the trained network
    early_fisher_trace = max over the early networks of Tr F

θ are all weights; the labels y are the model's own, not the training set's. The early networks are those at the ends of
epochs 1, 2, 4 and 8, as far as training went: an early explosion of the trace is claimed to go with memorization.

Jastrzebski et al. 2021 (arXiv:2012.14193), the trace of the Fisher information matrix.
Differs from the paper:
1. The sum over y is exact, where the paper draws one label an example.
2. m is the first 100 examples of `random_order`.
3. The explosion's height is the largest of up to four points.
4. Batch normalization uses its running statistics.

Claims: larger gap (Jastrzebski et al. 2021, abstract, early in training).
Random labels: unknown (the abstract is of training that keeps it small, not of its value).
"""

from torch import nn

from measures import NotApplicable, measure
from measures.gradients._gradient_moments import fisher_trace_of
from measures.trained_model import TrainedModel

SAMPLE = 100


@measure(
    source="Jastrzebski et al. 2021, Tr(F) at the end of training",
    cost="slow",
    invariant_to={"unit_permutation", "logit_shift"},
)
def fisher_trace(trained: TrainedModel) -> float:
    return _trace(trained, trained.model)


@measure(
    source="Jastrzebski et al. 2021, Tr(F) early in training",
    cost="slow",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def early_fisher_trace(trained: TrainedModel) -> float:
    if not trained.snapshots:
        raise NotApplicable("no network from early in training was kept: it stopped in its first epoch")
    return max(_trace(trained, network) for _, network in trained.snapshots)


def _trace(trained: TrainedModel, network: nn.Module) -> float:
    return fisher_trace_of(network, trained.sample(SAMPLE)[0])
