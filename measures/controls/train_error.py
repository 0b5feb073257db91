"""A control: the training error. Twins are trained until they fit; if this tells them apart, one of them does not.

    μ = (1/n) · #{i : argmaxₖ f(xᵢ)[k] ≠ yᵢ}     a fraction

Zhang et al. 2017 (arXiv:1611.03530), section 2: it is 0 with true and with random labels.
Differs from the paper: none.

Claims: nothing, it is a control.
Random labels: does not separate (Zhang et al. 2017, table 1).
"""

from measures import INVARIANCES, measure
from measures.trained_model import TrainedModel


@measure(source="Zhang et al. 2017, section 2", invariant_to=INVARIANCES)
def train_error(trained: TrainedModel) -> float:
    return float((trained.logits.argmax(dim=1) != trained.labels).double().mean())
