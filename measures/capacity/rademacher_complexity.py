"""Empirical Rademacher complexity, estimated by training: how well does the network fit random signs?

    μ = (1/n) Σᵢ sᵢ sign(f(xᵢ)[1] − f(xᵢ)[0])     s ∈ {−1, +1}ⁿ uniform, f retrained on the labels (1 + s) / 2

That is 1 − 2 · (the fraction of signs that f gets wrong), in [−1, 1]. It is near 1 for every network that can fit its
training inputs with random labels, and so cannot tell what it learned from the true ones. It must lose: twins on
random labels have the same inputs and draw the same signs, and tie by construction.

Bartlett & Mendelson 2002, definition 2; Zhang et al. 2017 (arXiv:1611.03530), section 2.2.
Differs from the papers:
1. One draw of the signs, not the expectation over them.
2. The supremum over the class is replaced by what training finds from the given initialisation.
3. The functions are the signs of a difference of two outputs, so the scale of the outputs does not enter.
4. Zhang et al.'s scaling, which is half of Bartlett & Mendelson's, and without their absolute value.

Claims: larger gap (Bartlett & Mendelson 2002).
Random labels: does not separate (Zhang et al. 2017, section 2.2).
"""

import dataclasses

import torch

from measures import NotApplicable, measure
from measures.trained_model import TrainedModel


@measure(
    source="Bartlett & Mendelson 2002, definition 2; Zhang et al. 2017, section 2.2",
    cost="retrain",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def rademacher_complexity(trained: TrainedModel) -> float:
    labels = torch.randint(2, trained.labels.shape, generator=trained.generator()).to(trained.labels.device)
    network = trained.retrain(trained.inputs, labels)
    outputs = dataclasses.replace(trained, model=network).logits
    if outputs.shape[1] < 2:
        raise NotApplicable("the network has one logit; two classes are fitted")
    correlations = (2 * labels - 1) * torch.sign(outputs[:, 1] - outputs[:, 0])
    return float(correlations.double().mean())
