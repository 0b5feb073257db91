"""Mean norm of the logits on the training set: how far did training drive the outputs?

    μ = (1/n) Σᵢ ‖f(xᵢ)‖₂

Wei et al. 2022 (arXiv:2205.09310), section 3: it keeps growing after the training set is fitted, and with it the
confidence, deserved or not.
Differs from the paper: none; but the paper is about overconfidence on inputs of another kind, not about a gap.

Claims: read into it.
Random labels: unknown (the source could not be had).
"""

from measures import measure
from measures.trained_model import TrainedModel


@measure(
    source="Wei et al. 2022, section 3",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding"},
)
def logit_norm(trained: TrainedModel) -> float:
    return float(trained.logits.double().norm(dim=1).mean())
