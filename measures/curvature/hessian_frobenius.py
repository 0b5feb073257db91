"""Frobenius norm of the Hessian: the curvature of the training loss, with sharp directions weighing most.

    μ = ‖H‖_F = (Σ λᵢ²)^½     H = ∇²L(θ), λᵢ its eigenvalues

L is the mean cross-entropy of the training set, θ all parameters, batch normalization's among them. From the
spectrum of quantities/hessian_spectrum.py: exact up to 40 parameters, else with a standard error of 0.2 to 4% on
networks that fit the digits, and up to 13% too large for the sample's sake.

MacKay 1992 (Neural Computation 4) and Maddox, Benton & Wilson 2020 (arXiv:2003.02139) for functions of the spectrum as
measures of complexity; the norm sums them as tr H² does.
Differs from the papers: of a large training set, a weighted sample takes the place of the whole.

Claims: read into it.
Random labels: unknown (the sources could not be had).
"""

import math

from measures import measure
from measures.quantities.hessian_spectrum import hessian_spectrum
from measures.trained_model import TrainedModel


@measure(source="MacKay 1992; Maddox, Benton & Wilson 2020", cost="slow", invariant_to={"logit_shift"})
def hessian_frobenius(trained: TrainedModel) -> float:
    return math.sqrt(hessian_spectrum(trained).total(lambda eigenvalues: eigenvalues.square())[0])
