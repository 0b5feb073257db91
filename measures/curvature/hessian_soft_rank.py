"""Soft rank of the Hessian: in how many directions does the training loss curve by more than λ?

    μ = tr G (G + λI)⁻¹ = Σⱼ λⱼ / (λⱼ + λ)     λ = 1/n

G is the Hessian's Gauss-Newton part, the Fisher information (quantities/gauss_newton.py), of the mean cross-entropy of
the n training examples by all parameters, batch normalization's among them; λⱼ are its eigenvalues. With λ = 1/n, the
precision of a standard normal prior over n, this is the number that `effective_dimensionality` approximates.

G = Rᵀ R, where R has a row √(pᵢ_c/n) (e_c − pᵢ)ᵀ Jᵢ for each example i and class c, so that the eigenvalues are those
of R Rᵀ. Up to ROWS rows it is exact. Of more, ROWS are taken with probabilities in proportion to the squared length of
√pᵢ_c (e_c − pᵢ), at most 1, and weighted by their inverse. G then has the right mean, and the value is too small: on
networks that fit the digits by 1 to 6%, where these had random labels or were noise by 40 to 70% and more.

Shoham, Mor-Yosef & Avron 2025 (arXiv:2506.17809): for a calibrated network it gives the asymptotic expected gap.
Differs from the paper:
1. λ is there the coefficient of the weight decay in training. Networks here need not have any.
2. The Gauss-Newton matrix itself, from a sample of its rows; the paper has KFAC and diagonal approximations, of which
   the former is 5 to 6 times too large here.
3. The paper's correction for networks that are not calibrated is Takeuchi's information criterion
   (takeuchi_information.py), and not in here.

Claims: larger gap (abstract: for calibrated networks).
Random labels: unknown (the paper's full text could not be had).
"""

import torch
from torch import Tensor

from measures import NotApplicable, measure
from measures.quantities.gradient_gram import gram
from measures.quantities.per_example import forward_pass
from measures.trained_model import TrainedModel

ROWS = 800


@measure(
    source="Shoham, Mor-Yosef & Avron 2025",
    cost="slow",
    invariant_to={"unit_permutation", "logit_shift"},
)
def hessian_soft_rank(trained: TrainedModel) -> float:
    eigenvalues = torch.linalg.eigvalsh(products_of_rows(trained)).clamp_min(0)
    return float((eigenvalues / (eigenvalues + 1 / len(trained.labels))).sum())


def products_of_rows(trained: TrainedModel, count: int = ROWS) -> Tensor:
    """R Rᵀ of about `count` rows of R, weighted, (rows, rows) float64; of all rows where they are fewer."""
    probabilities = trained.logits.double().softmax(dim=1)
    n, classes = probabilities.shape
    squares = probabilities * (1 - 2 * probabilities + probabilities.square().sum(dim=1, keepdim=True)).clamp_min(0)
    chosen, weights = sampled(
        squares[trained.random_order].T.flatten(), count
    )  # all examples with class 0, then 1, ...
    examples, c = trained.random_order[chosen % n], chosen // n
    p, at = probabilities[examples], torch.arange(len(chosen), device=chosen.device)
    rows = torch.nn.functional.one_hot(c, classes).to(p) - p
    rows = rows * (p[at, c] * weights / n).sqrt()[:, None]
    lengths = rows.norm(dim=1, keepdim=True)  # taken out, so that they do not vanish in float32
    passed = forward_pass(trained.model, trained.inputs[examples])
    if any(len(received) != len(examples) for _, received, _ in passed.calls):
        raise NotApplicable("the network applies other layers to some examples: their gradients are not known")
    units = rows / lengths.where(lengths > 0, 1)
    products = gram(passed, units.to(passed.logits.dtype)[None]).double() * lengths * lengths.T
    if not bool(products.isfinite().all()):
        raise NotApplicable("the derivative of the network by its parameters is not finite")
    return (products + products.T) / 2


def sampled(sizes: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """About `count` places with probabilities in proportion to `sizes` but at most 1, and the inverse of these.

    Systematic sampling in the order of the places.
    """
    if len(sizes) <= count:
        return torch.arange(len(sizes), device=sizes.device), torch.ones_like(sizes)
    sizes = sizes + torch.finfo(sizes.dtype).tiny
    certain = torch.zeros_like(sizes, dtype=torch.bool)
    while True:
        likely = (count - certain.sum()) * sizes / sizes[~certain].sum()
        if not bool((more := (likely >= 1) & ~certain).any()):
            break
        certain |= more
    likely[certain] = 1.0
    ends = likely.cumsum(dim=0) + 0.5
    chosen = (ends.floor() > (ends - likely).floor()).nonzero()[:, 0]
    return chosen, 1 / likely[chosen]
