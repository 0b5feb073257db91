"""High-frequency energy of the logits along lines between training examples.

    μ = Σ_{k>4} |ĉₖ|² / Σ_{k≥1} |ĉₖ|²     ĉₖ = Σₜ f(z_t) cos(π k (t + ½) / T),  t = 0..T−1

z_t are T = 32 evenly spaced points on the segment between an example and the next of `random_order`; ĉₖ (K,) is the
cosine transform of the logits along it, of k half-periods to the segment. Energies are summed over 50 segments and all
logits; the constant, k = 0, is left out. 0 ≤ μ ≤ 1.

Rahaman et al. 2019 (arXiv:1806.08734) and Xu et al. 2019 (arXiv:1901.06523) compare frequencies of a network's
function; neither defines this number.
Differs from the papers:
1. The share above a cut, on lines between examples, as one value; the cut of 2 whole periods is ours.
2. Cosines, the Fourier series of the segment travelled there and back, so that unequal ends are no jump.

Claims: read into it.
Random labels: unknown (the sources could not be had).
"""

import torch
from scipy.fft import dct

from measures import NotApplicable, measure
from measures.function_space._interpolated_inputs import between_examples
from measures.trained_model import TrainedModel

CUT = 4  # half-periods


@measure(
    source="Rahaman et al. 2019; Xu et al. 2019",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def high_frequency_energy(trained: TrainedModel) -> float:
    given = between_examples(trained).logits
    logits = given.double()
    rounding = 2 * logits.shape[1] * (4 * torch.finfo(given.dtype).eps) ** 2 * float(logits.square().sum())
    logits = logits - logits.mean(dim=1, keepdim=True)
    energies = torch.from_numpy(dct(logits.cpu().numpy(), axis=1)).square().sum(dim=(0, 2))  # (points,)
    total = float(energies[1:].sum())
    if not total > rounding:
        raise NotApplicable("the logits are constant along every segment: there is no energy to share")
    return float(energies[CUT + 1 :].sum()) / total
