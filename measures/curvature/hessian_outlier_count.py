"""Number of outliers of the Hessian's spectrum: in how many directions is the training loss sharp?

    μ = #{i : λᵢ > λ₁/4}     λ₁ ≥ λ₂ ≥ ... the eigenvalues of ∇²L(θ)

L is the mean cross-entropy of the training set, θ all parameters, batch normalization's among them. From the
spectrum of quantities/hessian_spectrum.py: outliers that it finds count as one, the others as its probes see them, so
that the value need not be whole. On three networks that fit the digits, 8, 6 and 58 where a longer iteration finds
12, 6 and 49; on the digits twins 0.5 to 1.78 of a longer one's.

Sagun et al. 2017 (arXiv:1706.04454) and Papyan 2019 (arXiv:1901.08244): about as many outliers as classes. That more of
them tell of a larger gap is read into it.
Differs from the papers:
1. They see the bulk's edge in a plot. Here it is a quarter of the largest eigenvalue: the eigenvalues fall off without
   a gap, and the bulk around 0 is far below.
2. Of a large training set, a weighted sample takes the place of the whole.
3. Not applicable where λ₁ ≤ 0.

Claims: read into it.
Random labels: unknown (the sources could not be had).
"""

from measures import Estimate, NotApplicable, measure
from measures.quantities.hessian_spectrum import hessian_spectrum
from measures.trained_model import TrainedModel

EDGE = 0.25  # of the largest eigenvalue


@measure(source="Sagun et al. 2017", cost="slow", invariant_to={"logit_shift"})
def hessian_outlier_count(trained: TrainedModel) -> float:
    spectrum = hessian_spectrum(trained)
    largest = spectrum.places[0]
    if not largest > 0:
        raise NotApplicable(f"the largest eigenvalue of the Hessian is {float(largest):.3g}, not above 0")
    return Estimate(*spectrum.total(lambda eigenvalues: (eigenvalues > EDGE * largest).double()))
