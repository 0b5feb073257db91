"""Takeuchi's information criterion: the noise of the gradients against the curvature of the loss, on examples not seen.

    μ = tr C / tr F     C = mean over (x, y) of g(x, y) g(x, y)ᵀ,  F = mean over x of E_{y ~ p(· | x)} g(x, y) g(x, y)ᵀ

    takeuchi_information         over H, a random tenth of the training set, of the network trained without H
    takeuchi_information_train   over the training set, of the given network

g(x, y) = −∇_θ log p(y | x), θ all weights, batch normalization's among them. F is the Fisher information, which is the
Hessian's Gauss-Newton part; of a ReLU network tr F = tr H. The criterion is tr(H⁻¹C)/n, an estimate of the
generalization gap; the ratio is its approximation without an inverse.

Takeuchi 1976; Thomas et al. 2020 (arXiv:1906.07774) for the ratio. Both matrices are expectations under the data's own
distribution, and a fitted training set is not a sample of it: there the ratio is about how unevenly the residuals lie,
which is the second measure, what an implementation on training batches gives.
Differs from the papers:
1. Without the factor 1/n, the same for all models of one training set.
2. F is exact in y.
3. The first measure's network was trained on nine tenths of the data, and the given one's weights do not enter. What it
   sees of H are its errors there: it is close to held_out_error.
4. Not applicable where tr F is 0.

Version 2: C is not centred, and over examples that the network was not trained on, where it was over a weighted sample
of the training set. Of 20 digits twins the randomized network had the larger value in 2, 2 and 2 then (random labels,
random pixels, gaussian inputs), as it has with the second measure, and has it in 19, 18 and 19 now.

Claims: larger gap (Thomas et al. 2020, abstract).
Random labels: unknown (only the abstract could be had).
"""

from measures import NotApplicable, measure
from measures.quantities.gradient_squares import fisher_trace_at_end, fisher_trace_of, mean_squared_norm
from measures.quantities.hold_out import trained_without
from measures.trained_model import TrainedModel


@measure(
    source="Thomas et al. 2020",
    version=2,
    cost="retrain",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def takeuchi_information(trained: TrainedModel) -> float:
    network, inputs, labels = trained_without(trained)
    return ratio(mean_squared_norm(network, inputs, labels), fisher_trace_of(network, inputs))


@measure(
    source="Thomas et al. 2020, on the training set", cost="slow", invariant_to={"unit_permutation", "logit_shift"}
)
def takeuchi_information_train(trained: TrainedModel) -> float:
    noise = mean_squared_norm(trained.model, trained.inputs, trained.labels)
    return ratio(noise, fisher_trace_at_end(trained))


def ratio(noise: float, fisher: float) -> float:
    """tr C / tr F; NotApplicable where tr F is 0."""
    if not fisher > 0:
        raise NotApplicable("the trace of the Fisher information is 0")
    return noise / fisher
