"""Perturbation response: how does the accuracy fall as training inputs are mixed with more and more of another?

    A(u) = (1/m) Σₖ 1[argmax f((1 − u/2) xᵢₖ + (u/2) xⱼₖ) = yₖ]     P(t) = ∫₀ᵗ A(u) du,  0 ≤ t ≤ 1

    gi_score  = ∫₀¹ (t − P(t)) dt
    pal_score = −∫_{0.4}^{1} P(t) dt / ∫₀^{0.1} P(t) dt

yᵢₖ = yⱼₖ = yₖ, iₖ ≠ jₖ; the m pairs are those of quantities/mixup.py, every example with another of its class; u = 1 is
the mean of the two. A is the perturbation response, P its cumulative density, t that of a network that nothing
disturbs. gi_score, after the Gini coefficient, is the area between these, in [0, 1/2]; pal_score, after the Palma
ratio, is the area under P of the strongest 60% of the perturbations to that of the weakest 10%. It is negated, being
large for a network that holds.

Schiff, Quanz, Das & Chen 2021 (arXiv:2106.04765), Gi-score and Pal-score of intra-class mixup of the inputs.
Differs from the paper:
1. 11 strengths u = 0, 0.1, …, 1, the integrals by the trapezoidal rule.
2. All examples that have another of their class; the paper takes a tenth of the training set.
3. Of the paper abstract, introduction and figure 1 could be had: whether the areas of the Pal-score are of just these
   shares could not be checked.
4. Mixup between classes, and of hidden layers, are left out.

Claims: larger gap (abstract).
Random labels: unknown (the text of the paper could not be had).
"""

import torch
from torch import Tensor

from measures import NotApplicable, measure
from measures.once_per_model import once_per_model
from measures.quantities.mixup import class_pairs
from measures.trained_model import CHUNK, TrainedModel

STEPS = 10
EVERY_CHANGE = {"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"}


@measure(source="Schiff, Quanz, Das & Chen 2021, Gi-score", cost="slow", invariant_to=EVERY_CHANGE)
def gi_score(trained: TrainedModel) -> float:
    return float(torch.trapezoid(lost(trained), dx=1 / STEPS))


@measure(source="Schiff, Quanz, Das & Chen 2021, Pal-score", cost="slow", invariant_to=EVERY_CHANGE)
def pal_score(trained: TrainedModel) -> float:
    density = torch.linspace(0, 1, STEPS + 1, dtype=torch.float64) - lost(trained)
    weakest = float(torch.trapezoid(density[: STEPS // 10 + 1]))
    if not weakest > 0:
        raise NotApplicable("no example is classified correctly, unmixed or hardly mixed: the ratio is undefined")
    return -float(torch.trapezoid(density[4 * STEPS // 10 :])) / weakest


@once_per_model
def lost(trained: TrainedModel) -> Tensor:
    """t − P(t) at t = 0, 1/STEPS, …, 1, (STEPS + 1,) float64 on the CPU."""
    shares = [step / STEPS / 2 for step in range(STEPS + 1)]
    errors = torch.tensor([error_when_mixed(trained, share) for share in shares], dtype=torch.float64)
    return torch.cat([errors.new_zeros(1), torch.cumulative_trapezoid(errors, dx=1 / STEPS)])


@torch.no_grad()
def error_when_mixed(trained: TrainedModel, share: float) -> float:
    """1 − A, of pairs with `share` of the second and the rest of the first; NotApplicable where there is no pair."""
    pairs = class_pairs(trained, len(trained.labels))
    if not len(pairs):
        raise NotApplicable(f"none of {len(trained.labels)} training examples has the label of another")
    wrong = 0
    for first, second in (chunk.unbind(dim=1) for chunk in pairs.split(CHUNK)):
        mixed = (1 - share) * trained.inputs[first] + share * trained.inputs[second]
        wrong += int((trained.model(mixed).argmax(dim=1) != trained.labels[first]).sum())
    return wrong / len(pairs)
