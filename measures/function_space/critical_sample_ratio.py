"""Critical sample ratio: the share of examples with a change of prediction close by.

    μ = share of i with  argmax f(x) ≠ argmax f(xᵢ)  for an x found with ‖x − xᵢ‖_∞ ≤ r

r = 0.2 in units of the standardised inputs. The search is noisy descent on the gap m(x) between the predicted logit
and the largest other, cut back to the box after each of 10 steps:

    x ← clip(x − α sign ∇ₓ m(x) + β η, xᵢ ± r)     η ~ N(0, I),  α = r/4,  β = r/20

Arpit et al. 2017 (arXiv:1706.05394), Algorithm 1, "Langevin adversarial sample search".
Differs from the paper:
1. The radius and the steps are ours, set for standardised inputs; the paper's radius is 0.3 where pixels go to 255.
2. Inputs may leave the range of possible pixels.
3. At most 250 examples, the first of `random_order`. That x is not found does not prove that there is none.
4. At training inputs, where the paper's are of a validation set: on training inputs it saw the ratio rise, and then
   fall, as training pushes them away from the boundary (section 4.2).
5. The descent is on the gap m; the paper's follows the sign of the derivative of one output.

Claims: read into it.
Random labels: separates (Arpit et al. 2017, section 4.2 and figure 9, at validation inputs).
"""

import torch
from torch import Tensor, nn

from measures import measure
from measures.networks.plain_network import require_readable
from measures.seeding import standard_normal
from measures.trained_model import TrainedModel, margins_of

RADIUS = 0.2
STEPS = 10
STEP = RADIUS / 4
NOISE = RADIUS / 20
EXAMPLES = 250


@measure(
    source="Arpit et al. 2017, Algorithm 1",
    cost="slow",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def critical_sample_ratio(trained: TrainedModel) -> float:
    require_readable(trained.model)
    inputs, _ = trained.sample(EXAMPLES)
    noise = standard_normal((STEPS, *inputs.shape), trained.generator(), like=inputs)
    return float(are_critical(trained.model, inputs, noise).double().mean())


@torch.enable_grad()
def are_critical(model: nn.Module, inputs: Tensor, noise: Tensor) -> Tensor:
    """Whether the search, with this noise (steps, m, ...), meets another prediction in the box, (m,)."""
    with torch.no_grad():
        predicted = model(inputs).argmax(dim=1)
    x = inputs
    critical = torch.zeros_like(predicted, dtype=torch.bool)
    for eta in noise:
        x = x.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(margins_of(model(x), predicted).sum(), x)
        x = inputs + (x.detach() - STEP * gradient.sign() + NOISE * eta - inputs).clamp(-RADIUS, RADIUS)
        with torch.no_grad():
            critical |= model(x).argmax(dim=1) != predicted
    return critical
