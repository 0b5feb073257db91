"""Inverse of the mean distance to the nearest adversarial example.

    μ = 1 / (mean over i of ρᵢ)     ρᵢ = min ‖δ‖₂  such that  argmax f(xᵢ + δ) ≠ yᵢ

ρ is in units of the standardised inputs, 0 for a misclassified example. The minimum is the smallest found by
_nearest_flip.py: five projections on the linearised boundary, then the first flip in that direction.

Moosavi-Dezfooli, Fawzi & Frossard 2016 (arXiv:1511.04599), its average robustness.
Differs from the paper:
1. ρ is not divided by ‖xᵢ‖.
2. Each step goes for the largest other logit, and is projected from half way back to xᵢ.
3. Inputs may leave the range of possible pixels.
4. At most 250 examples, the first of `random_order`.
5. Examples for which the search finds no flip are left out of the mean (trained networks have next to none); not
   applicable where they are more than a tenth.

Claims: read into it.
Random labels: unknown (the source could not be had).
"""

import torch
from torch import Tensor

from measures import NotApplicable, measure
from measures.margins._nearest_flip import smallest_flip
from measures.networks.plain_network import require_readable
from measures.trained_model import TrainedModel, margins_of

EXAMPLES = 250
MOST_LEFT_OUT = 0.1


@measure(
    source="Moosavi-Dezfooli, Fawzi & Frossard 2016",
    cost="slow",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def adversarial_radius(trained: TrainedModel) -> float:
    radii = radii_of(trained).double()
    found = radii[radii.isfinite()]
    if len(found) < (1 - MOST_LEFT_OUT) * len(radii):
        raise NotApplicable(f"{len(radii) - len(found)} of {len(radii)} examples have no adversarial example in reach")
    if not bool(found.any()):
        raise NotApplicable("every example is misclassified: the mean radius is 0")
    return 1 / float(found.mean())


def radii_of(trained: TrainedModel) -> Tensor:
    """ρ of the first EXAMPLES examples of `random_order`, (m,)."""
    require_readable(trained.model)
    inputs, labels = trained.sample(EXAMPLES)

    def margins(delta: Tensor) -> Tensor:
        return margins_of(trained.model(inputs + delta.view_as(inputs)), labels)

    return smallest_flip(margins, torch.zeros_like(inputs.flatten(1)))
