"""Mean norm of per-example gradients of the trained network: how far does the loss on an example still move it?

    μ = (1/n) Σᵢ ‖∇_θ ℓ(f_θ(xᵢ), yᵢ)‖₂

ℓ is the cross-entropy, θ all weights, the n examples are the training set.

Zhao, Zhang & Hu 2022 (arXiv:2202.03599) penalize the norm of the mean gradient, for flatter minima.
Differs from the paper: the norm is each example's; the mean gradient's is near zero wherever training ends.

Version 2: all training examples, where it was the first 200 of `random_order`, which misses the few that have a
gradient: of 20 digits twins 16, 20 and 19 had the larger value on random labels, random pixels and gaussian inputs; now
all.

Claims: larger gap (Zhao, Zhang & Hu 2022, title).
Random labels: unknown (the source could not be had).
"""

from measures import measure
from measures.quantities.final_gradients import final_gradients
from measures.trained_model import TrainedModel


@measure(
    source="after Zhao, Zhang & Hu 2022, with each example's gradient",
    version=2,
    invariant_to={"unit_permutation", "logit_shift"},
)
def gradient_norm(trained: TrainedModel) -> float:
    return float(final_gradients(trained).norms.mean())
