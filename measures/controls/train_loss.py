"""A control: the training loss. Twins stop at the same loss; if this tells them apart, they did not.

    μ = (1/n) Σᵢ −log softmax(f(xᵢ))[yᵢ]     mean cross-entropy, nats per example

Jiang et al. 2020 (arXiv:1912.02178), appendix C (cross-entropy).
Differs from the paper: none.

Claims: nothing, it is a control.
Random labels: does not separate (Jiang et al. 2019, arXiv:1810.00113, abstract: it does not indicate the gap).
"""

import torch.nn.functional as F

from measures import INVARIANCES, measure
from measures.trained_model import TrainedModel


@measure(source="Jiang et al. 2020, appendix C", invariant_to=INVARIANCES)
def train_loss(trained: TrainedModel) -> float:
    return float(F.cross_entropy(trained.logits.double(), trained.labels))
