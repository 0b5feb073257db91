"""Takeuchi's information criterion: the noise of the gradients against the curvature of the training loss.

    μ = tr C / tr F     C = (1/n) Σᵢ (gᵢ − ḡ)(gᵢ − ḡ)ᵀ,  F = (1/n) Σᵢ E_{y ~ p(· | xᵢ)} ∇log p(y | xᵢ) ∇log p(y | xᵢ)ᵀ

gᵢ is the gradient of example i's cross-entropy, ḡ their mean, θ all parameters, batch normalization's among them. F is
the Fisher information, which is the Hessian's Gauss-Newton part; of a ReLU network tr F = tr H. The criterion is
tr(H⁻¹C)/n, an estimate of the generalization gap; the ratio is its approximation without an inverse.

Takeuchi 1976; Thomas et al. 2020 (arXiv:1906.07774) for the ratio.
Differs from the papers:
1. Without the factor 1/n, the same for all models of one training set.
2. F is exact in y; ‖ḡ‖² is of all examples, the rest of a large training set's weighted sample
   (quantities/hessian_spectrum.py).
3. Not applicable where tr F is 0.

Claims: larger gap (Thomas et al. 2020, abstract).
Random labels: unknown (only the abstract could be had).
"""

import torch
from torch import Tensor

from measures import NotApplicable, measure
from measures.quantities.flat_parameters import flat_parameters
from measures.quantities.hessian_spectrum import weighted_examples
from measures.quantities.losses import loss_and_gradient
from measures.quantities.per_example import forward_pass, loss_cotangents, squared_norms
from measures.trained_model import TrainedModel


@measure(source="Thomas et al. 2020", cost="slow", invariant_to={"unit_permutation", "logit_shift"})
def takeuchi_information(trained: TrainedModel) -> float:
    chosen, weights = weighted_examples(trained)
    passed = forward_pass(trained.model, trained.inputs[chosen])

    def squares(labels: Tensor) -> Tensor:
        return squared_norms(passed, loss_cotangents(passed.logits, labels)).double() * weights / len(trained.labels)

    labels = trained.labels[chosen]
    probabilities = passed.logits.detach().double().softmax(dim=1)
    fisher = sum(float(p @ squares(torch.full_like(labels, y))) for y, p in enumerate(probabilities.unbind(dim=1)))
    if not fisher > 0:
        raise NotApplicable("the trace of the Fisher information is 0")
    mean_gradient = loss_and_gradient(trained, flat_parameters(trained.model))[1].double()
    return (float(squares(labels).sum()) - float(mean_gradient.square().sum())) / fisher
