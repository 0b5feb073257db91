"""Mean norm of per-example gradients of the trained network: how far does the loss on an example still move it?

    μ = (1/m) Σᵢ ‖∇_θ ℓ(f_θ(xᵢ), yᵢ)‖₂

ℓ is the cross-entropy, θ all weights; the m examples are the first 200 of `random_order`.

Zhao, Zhang & Hu 2022 (arXiv:2202.03599) penalize the norm of the mean gradient, for flatter minima.
Differs from the paper: the norm is each example's; the mean gradient's is near zero wherever training ends.

Claims: larger gap (Zhao, Zhang & Hu 2022, title).
Random labels: unknown (the source could not be had).
"""

from measures import measure
from measures.quantities.gradient_gram import final_gradient_gram
from measures.trained_model import TrainedModel


@measure(
    source="after Zhao, Zhang & Hu 2022, with each example's gradient", invariant_to={"unit_permutation", "logit_shift"}
)
def gradient_norm(trained: TrainedModel) -> float:
    return float(final_gradient_gram(trained).diagonal().sqrt().mean())
