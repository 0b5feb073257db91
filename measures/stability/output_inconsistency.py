"""Inconsistency and instability: how much do the outputs depend on the seed, and on which training set was drawn?

    output_inconsistency = C = E KL(f_θ(x) ‖ f_θ′(x))     θ, θ′ by the same training, on the same examples
    output_instability   = S = E KL(f̄_Z(x) ‖ f̄_Z′(x))     f̄_Z = E f_θ, θ trained on Z; Z, Z′ two training sets

f_θ(x) are probabilities, softmax outputs; KL in nats; x is drawn from H, a random tenth of the training inputs that
none of these networks sees. Labels of H are not used. The given network's weights do not enter.

    C: two networks trained on the other nine tenths with different seeds
    S: two disjoint halves of the nine tenths, two networks each with different seeds, f̄ the mean over these

Both are averaged over the two orders of their pair.

Johnson & Zhang 2023 (arXiv:2306.00169), inconsistency C_P and instability S_P: their sum is in the theorem's bound on
the gap.
Differs from the paper:
1. No unlabeled data may be seen besides, so that a tenth of the training inputs is held out in their place.
2. Two networks a training set, one pair of sets; f̄ of two networks still has part of the inconsistency in it.
3. S is of networks trained on less than half of the examples, since Z and Z′ must be disjoint.

Claims: larger gap (abstract).
Random labels: unknown (of the paper only the abstract could be had).
"""

import dataclasses

import torch
from torch import Tensor

from measures import NotApplicable, measure
from measures.quantities.hold_out import hold_out
from measures.trained_model import TrainedModel

EVERY_CHANGE = {"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"}
SEEDS = (0, 1)


@measure(source="Johnson & Zhang 2023, inconsistency", cost="retrain", invariant_to=EVERY_CHANGE)
def output_inconsistency(trained: TrainedModel) -> float:
    held_out, kept = hold_out(trained)
    return divergence(*[log_probabilities(trained, kept, seed, held_out) for seed in SEEDS])


@measure(source="Johnson & Zhang 2023, instability", cost="retrain", invariant_to=EVERY_CHANGE)
def output_instability(trained: TrainedModel) -> float:
    held_out, kept = hold_out(trained)
    if len(kept) < 2:
        raise NotApplicable(f"{len(kept)} training example beside the one held out: there are no two sets to train on")
    means = []
    for half in torch.tensor_split(kept, 2):
        each = torch.stack([log_probabilities(trained, half, seed, held_out) for seed in SEEDS])
        means.append(each.logsumexp(dim=0) - torch.tensor(float(len(SEEDS)), dtype=each.dtype).log())
    return divergence(*means)


def log_probabilities(trained: TrainedModel, chosen: Tensor, seed: int, held_out: Tensor) -> Tensor:
    """Of the network trained on the `chosen` examples, on the inputs held out, (m, num_classes) float64."""
    network = trained.retrain(trained.inputs[chosen], trained.labels[chosen], seed)
    logits = dataclasses.replace(trained, model=network, inputs=trained.inputs[held_out]).logits
    return logits.double().log_softmax(dim=1)


def divergence(first: Tensor, second: Tensor) -> float:
    """Mean over rows of KL in nats between two arrays of log-probabilities, in either order and averaged."""
    return float(((first.exp() - second.exp()) * (first - second)).sum(dim=1).mean()) / 2
