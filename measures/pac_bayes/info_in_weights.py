"""Information in the weights: how many nats do they hold when each is kept only as precisely as the loss demands?

    μ = ½ Σᵢ log(1 + n λ² Fᵢᵢ)     F = (1/n) Σₓ Jₓᵀ (diag(πₓ) − πₓπₓᵀ) Jₓ,  λ² = ‖θ‖²/p

With the posterior N(θ, diag(s²)) and the prior N(0, λ²I) it is the part Σᵢ log(λ/sᵢ) of their Kullback-Leibler
divergence, at the sᵢ⁻² = n Fᵢᵢ + λ⁻² that minimise n E[L] + KL in the quadratic approximation. θ all p parameters, n
training examples, J the Jacobian of the logits, π the predicted probabilities: F is the Fisher information, whose
expectation over labels is the model's own.

Achille, Paolini & Soatto 2019 (arXiv:1905.12213), the Fisher information in the weights, at β = 1/n for the mean loss;
Achille & Soatto 2018 (arXiv:1706.01350) for the information in the weights as KL at a given loss.
Differs from the papers:
1. Only the diagonal of F, exact and over all n examples, and the prior's variance is the weights' mean square, so the
   ‖θ‖²/λ² of the divergence is p.
2. Not applicable to weights that are all zero.

Version 2: F's diagonal was estimated from 16 random vectors on 300 examples; without bias, but its logarithm has one,
and the value was 0.74 to 1.06 of what it should have been.

Claims: larger gap (Achille & Soatto 2018, abstract).
Random labels: unknown (the abstract is of when random labels are fitted, not of its value).
"""

from measures import NotApplicable, measure
from measures.quantities.flat_parameters import flat_parameters
from measures.quantities.gradient_moments import fisher_diagonal
from measures.trained_model import TrainedModel


@measure(
    source="Achille, Paolini & Soatto 2019, Fisher information in the weights",
    version=2,
    cost="slow",
    invariant_to={"unit_permutation"},
)
def info_in_weights(trained: TrainedModel) -> float:
    variance = flat_parameters(trained.model).double().square().mean()
    if variance == 0:
        raise NotApplicable("all weights are zero: the prior has no width")
    return float((len(trained.labels) * variance * fisher_diagonal(trained.model, trained.inputs)).log1p().sum()) / 2
