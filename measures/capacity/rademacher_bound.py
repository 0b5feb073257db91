"""A norm-based bound on the empirical Rademacher complexity of networks with this network's norms.

    μ = B (√(2 d log 2) + 1) Πₗ ‖Wₗ‖_F / √n     B = maxᵢ ‖xᵢ‖₂, d layers, n training examples

Larger than E_σ sup_f (1/n) Σᵢ σᵢ f(xᵢ), σ random signs, f any network of d layers whose Frobenius norms are at most
these. The labels do not enter but through the weights that fit them.

Golowich, Rakhlin & Shamir 2018 (arXiv:1712.06541), Theorem 1.
Differs from the paper:
1. The theorem is for one real output. With several, the last layer's norm is that of all its rows, which is at least
   the norm of each row: the value bounds the complexity of every single logit.
2. The theorem has no biases; they are left out.
3. ‖Wₗ‖_F is of the true linear operator with batch normalization folded in (a convolution is a matrix).
4. Max pooling lies outside the theorem: there the value is the formula's, and no bound.
5. Not applicable where the layers are not a chain (skip connections, branches, attention).

Claims: larger gap (Golowich, Rakhlin & Shamir 2018, abstract: it bounds the Rademacher complexity).
Random labels: unknown (only the abstract could be had).
"""

import math

from measures import measure
from measures.layer_chain import check_chain
from measures.trained_model import TrainedModel


@measure(
    source="Golowich, Rakhlin & Shamir 2018, Theorem 1",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def rademacher_bound(trained: TrainedModel) -> float:
    check_chain(trained)
    product = math.prod(layer.frobenius_norm for layer in trained.layers)
    largest_input = float(trained.inputs.flatten(1).double().norm(dim=1).max())
    d, n = len(trained.layers), len(trained.inputs)
    return largest_input * (math.sqrt(2 * d * math.log(2)) + 1) * product / math.sqrt(n)
