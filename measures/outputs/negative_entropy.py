"""Negative entropy of the predicted distributions: how sure of itself is the network on its training set?

    μ = −(1/n) Σᵢ H(pᵢ) = (1/n) Σᵢ Σₖ pᵢ[k] log pᵢ[k]     pᵢ = softmax f(xᵢ), in nats; 0 for certainty, −log K at most

Jiang et al. 2020 (arXiv:1912.02178), appendix C (negative entropy), after Pereyra et al. 2017 (arXiv:1701.06548), who
regularize by the entropy: confident networks are claimed to generalize worse, so it is μ, not H, that rises.
Differs from the paper: none.

Claims: larger gap (Jiang et al. 2020, appendix C).
Random labels: unknown (only the abstract could be had).
"""

from measures import INVARIANCES, measure
from measures.trained_model import TrainedModel


@measure(source="Jiang et al. 2020, appendix C", invariant_to=INVARIANCES)
def negative_entropy(trained: TrainedModel) -> float:
    log_p = trained.logits.double().log_softmax(dim=1)
    return float((log_p.exp() * log_p).sum(dim=1).mean())
