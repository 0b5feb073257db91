"""Effective dimensionality: how many directions of the weights has the training set determined?

    μ = Σⱼ nλⱼ / (nλⱼ + z)     z = 1

λⱼ are the eigenvalues of the Gauss-Newton matrix of the mean cross-entropy, one layer a block A ⊗ B, whose eigenvalues
are the products of the factors' (quantities/gauss_newton.py); n is the number of training examples. A direction in
which the summed loss curves by much more than z counts as one, a flat one as none: z is the precision of a standard
normal prior.

MacKay 1992 (Neural Computation 4), the number of well-determined parameters; Maddox, Benton & Wilson 2020
(arXiv:2003.02139), N_eff(H, z).
Differs from the papers:
1. Maddox et al. take the leading eigenvalues of the Hessian by Lanczos iteration; of as many directions as count here
   no few products resolve the eigenvalues, and the Hessian's may be negative.
2. The approximation spreads the eigenvalues and counts about three times as many directions: 2.7 to 3.3 times those of
   the exact matrix on six networks that fit 500 digits, in nearly the same order (a rank correlation of 0.89).
3. Batch normalization is folded in: its scale and shift are not counted as parameters.
4. B is estimated from a weighted sample of a large training set.

Claims: larger gap (Maddox, Benton & Wilson 2020).
Random labels: unknown (the sources could not be had).
"""

from measures import measure
from measures.quantities.gauss_newton import layer_curvatures
from measures.trained_model import TrainedModel


@measure(
    source="Maddox, Benton & Wilson 2020",
    cost="slow",
    invariant_to={"unit_permutation", "batch_norm_folding", "logit_shift"},
)
def effective_dimensionality(trained: TrainedModel, z: float = 1.0) -> float:
    curved = [len(trained.labels) * layer.eigenvalues for layer in layer_curvatures(trained)]
    return sum(float((eigenvalues / (eigenvalues + z)).sum()) for eigenvalues in curved)
