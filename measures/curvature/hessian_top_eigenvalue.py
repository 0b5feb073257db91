"""Largest eigenvalue of the Hessian: the curvature of the training loss in its sharpest direction.

    μ = λ₁(H) = max over ‖v‖₂ = 1 of  vᵀHv     H = ∇²L(θ)

L is the mean cross-entropy of the training set, θ all parameters, batch normalization's among them. The largest in
the algebraic sense, by Lanczos iteration until ‖Hv − λ₁v‖₂ ≤ 10⁻⁶ |λ₁|: some eigenvalue is that close, and mostly far
closer. It starts from the vector that the 40 products of quantities/hessian_spectrum.py found.

Dinh et al. 2017 (arXiv:1703.04933) and Yao et al. 2020 (arXiv:1912.07145) for the measure; Golub & Van Loan 2013,
Matrix Computations, sec. 10.1 and 10.3, for the iteration, each vector made orthogonal to all before it.
Differs from the papers:
1. Yao et al. use power iteration, which finds the eigenvalue of largest magnitude, be it negative.
2. Of a large training set, a weighted sample takes the place of the whole (quantities/hessian_spectrum.py). On nine of
   ten networks that fit the digits it is within 2% of the whole's, and 10% too large on one that fits random labels.
3. Not applicable where 100 products do not converge.

Claims: larger gap (Keskar et al. 2017, arXiv:1609.04836, abstract).
Random labels: unknown (the sources could not be had).
"""

import torch
from scipy.linalg import eigh_tridiagonal

from measures import NotApplicable, measure
from measures.quantities.hessian_spectrum import hessian_product, hessian_spectrum
from measures.trained_model import TrainedModel

RELATIVE_TOLERANCE = 1e-6
MOST_PRODUCTS = 100


@measure(source="Yao et al. 2020", version=2, cost="slow", invariant_to={"unit_permutation", "logit_shift"})
def hessian_top_eigenvalue(trained: TrainedModel) -> float:
    times = hessian_product(trained)
    # The products are in the model's precision, the iteration in float64.
    start = hessian_spectrum(trained).top_vector
    basis = (start.double() / start.double().norm())[None]
    diagonal: list[float] = []
    beside: list[float] = []
    for _ in range(MOST_PRODUCTS):
        w = times(basis[-1:].to(start.dtype))[0].double()
        diagonal.append(float(w @ basis[-1]))
        for _ in range(2):  # the second time removes what rounding left
            w = w - basis.T @ (basis @ w)
        eigenvalues, eigenvectors = eigh_tridiagonal(diagonal, beside)
        residual = float(w.norm()) * abs(eigenvectors[-1, -1])
        if residual <= RELATIVE_TOLERANCE * abs(eigenvalues[-1]):
            return float(eigenvalues[-1])
        beside.append(float(w.norm()))
        basis = torch.cat([basis, w[None] / w.norm()])
    raise NotApplicable(f"Lanczos iteration did not converge in {MOST_PRODUCTS} products with the Hessian")
