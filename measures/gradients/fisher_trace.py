"""Trace of the Fisher information: how far do the weights move the network's own predictions?

    Tr F = mean over i of Σ_y p(y | xᵢ) ‖∇_θ log p(y | xᵢ)‖²     p = softmax f_θ

    fisher_trace       = Tr F of the trained network, over the training set
    early_fisher_trace = max over the early networks of Tr F, over 100 examples

θ are all weights; the labels y are the model's own, not the training set's. The early networks are those at the ends of
epochs 1, 2, 4 and 8, as far as training went: an early explosion of the trace is claimed to go with memorization.

Jastrzebski et al. 2021 (arXiv:2012.14193), the trace of the Fisher information matrix.
Differs from the paper:
1. The sum over y is exact, where the paper draws one label an example.
2. The explosion's height is the largest of up to four points. The 100 examples are the first of `random_order`: early
   on no few examples carry the trace, and on all of them twins come out the same way.
3. Batch normalization uses its running statistics.

Version 2 of the first: over all training examples, where it was over the same 100.

Claims: larger gap (Jastrzebski et al. 2021, abstract, early in training).
Random labels: unknown (the abstract is of training that keeps it small, not of its value).
"""

from measures import measure
from measures.early_networks import early_networks
from measures.quantities.gradient_squares import fisher_trace_at_end, fisher_trace_of
from measures.trained_model import TrainedModel

EARLY_SAMPLE = 100


@measure(
    source="Jastrzebski et al. 2021, Tr(F) at the end of training",
    version=2,
    cost="slow",
    invariant_to={"unit_permutation", "logit_shift"},
)
def fisher_trace(trained: TrainedModel) -> float:
    return fisher_trace_at_end(trained)


@measure(
    source="Jastrzebski et al. 2021, Tr(F) early in training",
    cost="slow",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def early_fisher_trace(trained: TrainedModel) -> float:
    inputs, _ = trained.sample(EARLY_SAMPLE)
    return max(fisher_trace_of(network, inputs) for _, network in early_networks(trained))
