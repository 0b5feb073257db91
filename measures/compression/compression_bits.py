"""Compressed size: bits per training example of the weights, rounded as coarsely as the training error allows.

    μ = (1/n) Σₗ |Wₗ| H(qₗ)     qₗ = round(Wₗ / (s · rms(Wₗ)))

|Wₗ| is the number of weights in layer l, batch normalization folded in, rms the root of their mean square, H the
entropy in bits of the empirical distribution of the integers qₗ, and n the number of training examples. s is one
number for all layers: the coarsest at which the network with weights s · rms(Wₗ) · qₗ misclassifies at most 1% of the
training set more than the original. Weights below half a step become zero, so rounding prunes as well, and an ideal
entropy coder needs H bits a weight.

Zhou et al. 2019 (arXiv:1804.05862): a network of few bits generalizes, theorem 4.3 there being of the bits of any code.
Differs from the paper:
1. The codec: one uniform step instead of pruning, clustering and fine-tuning; nothing is trained again.
2. Not counted, as equal or nearly so for twins: the biases, which stay exact, and the tables of the code.
3. s is sought from 4 down by factors of √2 and then by 4 bisections, to 2%. The error need not grow with s: this is the
   first acceptable step from above that the factors tell apart. Down to 4e-6, below which it is not applicable.

Claims: larger gap (Zhou et al. 2019, abstract).
Random labels: unknown (only the abstract could be had).
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from measures import NotApplicable, measure
from measures.folding import folded
from measures.layers import require_size
from measures.networks.copying import run_with
from measures.trained_model import CHUNK, FEW, TrainedModel

TOLERATED_RISE = 0.01  # of the training error
COARSEST = 4.0
HALVINGS = 20
BISECTIONS = 4


@measure(
    source="Zhou et al. 2019",
    cost="slow",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
@torch.no_grad()
def compression_bits(trained: TrainedModel) -> float:
    weights = {f"{layer.name}.weight".removeprefix("."): layer.weight for layer in trained.layers}
    steps = {name: weight.square().mean().sqrt() for name, weight in weights.items()}
    require_size(trained.layers, map(float, steps.values()))
    network = folded(trained.model, trained.inputs[:FEW])
    wrong = int((trained.logits.argmax(dim=1) != trained.labels).sum())
    allowed = wrong + math.floor(TOLERATED_RISE * len(trained.labels))

    def accepts(scale: float) -> bool:
        rounded = {name: (weights[name] / (scale * step)).round() * (scale * step) for name, step in steps.items()}
        return misclassifies_at_most(trained, network, rounded, allowed)

    scale = coarsest(accepts)
    bits = sum(
        weight.numel() * entropy((weights[name] / (scale * steps[name])).round()) for name, weight in weights.items()
    )
    return bits / len(trained.labels)


def misclassifies_at_most(trained: TrainedModel, network: nn.Module, weights: dict[str, Tensor], allowed: int) -> bool:
    """Whether the network with these weights misclassifies so many of the training examples; stops when it is more."""
    wrong = 0
    for x, y in zip(trained.inputs.split(CHUNK), trained.labels.split(CHUNK), strict=True):
        wrong += int((run_with(network, weights, x).argmax(dim=1) != y).sum())
        if wrong > allowed:
            return False
    return True


def coarsest(accepts: Callable[[float], bool]) -> float:
    """The largest scale that is accepted, as sought in the docstring above."""
    for half_halvings in range(2 * HALVINGS + 1):
        scale = COARSEST * 2 ** (-half_halvings / 2)
        if accepts(scale):
            break
    else:
        raise NotApplicable(f"even steps of {scale:.0e} times the weights' size misclassify more than allowed")
    factor = 2**0.5
    for _ in range(BISECTIONS if half_halvings else 0):
        factor = factor**0.5
        if accepts(scale * factor):
            scale *= factor
    return scale


def entropy(symbols: Tensor) -> float:
    """Bits a symbol of the empirical distribution of whole numbers."""
    whole = symbols.flatten().long()
    shares = torch.bincount(whole - whole.min()).double() / len(whole)
    return float(torch.special.entr(shares).sum()) / math.log(2)
