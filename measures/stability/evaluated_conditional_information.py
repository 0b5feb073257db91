"""Evaluated conditional information: how much do the losses on a pair of examples tell which of them was trained on?

    μ = (1/m) Σᵢ I(Δᵢ; Sᵢ)     Δᵢ = 1[f_S(xᵢ₁) ≠ yᵢ₁] − 1[f_S(xᵢ₀) ≠ yᵢ₀]

Example Sᵢ ∈ {0, 1} of pair i is in the training set of f_S, the other is not, and S is drawn again for each of 6
networks: I is the mutual information of the 6 pairs of numbers, in nats, at most log 2. With 6 draws it is above 0 by
chance where Δᵢ varies for another reason. For networks that fit what they are trained on, the error on new examples is
at most μ / log 2 on average over the draws.

Hellström & Durisi 2022 (NeurIPS 35), samplewise evaluated conditional mutual information (e-CMI) of the losses; Wang &
Mao 2023 (arXiv:2302.02432) for the difference Δ, and the estimate as in the code of the latter.
Differs from the papers:
1. Six networks in three opposite pairs of draws, so that each example is in the training set of three; the papers train
   tens to hundreds, with independent draws.
2. Of the two losses of a pair only the difference, as Wang and Mao have it: less information, and a tighter bound.
3. Half of the training set is in pairs, so that each network is trained on a quarter of it.
4. The information itself, where the papers have functions of it that bound the gap: the estimate from few draws is no
   bound. The given network's weights do not enter: the value is about its training set and its training.

Claims: larger gap (Wang & Mao 2023, of which it is the code's estimate; Hellström & Durisi 2022).
Random labels: unknown (the papers' full texts could not be had).
"""

import dataclasses

import torch
from torch import Tensor

from measures import measure
from measures.once_per_model import once_per_model
from measures.quantities.random_splits import eighths, logits_when_trained_on, shuffled
from measures.trained_model import TrainedModel

MORE = 2  # opposite pairs of draws, beside the one in random_splits.py


@measure(
    source="Hellström & Durisi 2022; Wang & Mao 2023",
    cost="retrain",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def evaluated_conditional_information(trained: TrainedModel) -> float:
    members, differences = draws(trained)
    return float(mutual_information(members, differences + 1).mean())


@once_per_model
def draws(trained: TrainedModel) -> tuple[Tensor, Tensor]:
    """S and Δ of each network and pair, (networks, m) whole numbers each."""
    order, quarter = shuffled(trained), eighths(trained, 2)
    pairs = torch.stack([order[:quarter], order[quarter : 2 * quarter]])  # (2, m) indices
    generator = trained.generator()
    members = [torch.zeros(quarter, dtype=torch.int64, device=order.device)]
    for _ in range(MORE):
        members.append(torch.randint(2, (quarter,), generator=generator).to(order.device))
    members = [drawn for half in members for drawn in (half, 1 - half)]
    wrong = []
    for number, member in enumerate(members):
        if number < 2:  # all firsts, all seconds: other measures train on these as well
            logits = logits_when_trained_on(trained, number * quarter, (number + 1) * quarter)
        else:
            chosen = pairs.gather(0, member[None])[0]
            network = trained.retrain(trained.inputs[chosen], trained.labels[chosen])
            logits = dataclasses.replace(trained, model=network).logits
        errors = (logits.argmax(dim=1) != trained.labels).long()
        wrong.append(errors[pairs[1]] - errors[pairs[0]])
    return torch.stack(members), torch.stack(wrong)


def mutual_information(first: Tensor, second: Tensor) -> Tensor:
    """Nats of the empirical joint distribution of each column's pairs of numbers 0, 1, ..., (m,) float64."""
    joint = (
        torch.nn.functional.one_hot(first).double()[..., None]
        * torch.nn.functional.one_hot(second).double()[:, :, None]
    )
    joint = joint.mean(dim=0)  # (m, first, second)
    entropy = torch.special.entr
    together = entropy(joint).sum(dim=(1, 2))
    return (entropy(joint.sum(dim=2)).sum(dim=1) + entropy(joint.sum(dim=1)).sum(dim=1) - together).clamp_min(0)
