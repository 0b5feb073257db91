"""Frobenius norm of the Hessian: the curvature of the training loss, with sharp directions weighing most.

    μ = ‖H‖_F = (Σ λᵢ²)^½     H = ∇²L(θ), λᵢ its eigenvalues

L is the mean cross-entropy of the training set, θ all parameters, batch normalization's among them. From the
spectrum of quantities/hessian_spectrum.py: exact up to 40 parameters, else with a standard error of 0.2 to 4% on
networks that fit the digits, and up to 13% too large for the sample's sake.

Wu, Wang & Su 2022 (arXiv:2207.02628), the norm as sharpness: minima that stochastic gradient descent can rest in have
a small one.
Differs from the paper:
1. Their loss is the squared error; with cross-entropy the Hessian at a fitted network is small.
2. Of a large training set, a weighted sample takes the place of the whole.

Claims: read into it.
Random labels: unknown (the sources could not be had).
"""

import math

from measures import Estimate, measure
from measures.quantities.hessian_spectrum import hessian_spectrum
from measures.trained_model import TrainedModel


@measure(source="Wu, Wang & Su 2022", cost="slow", invariant_to={"logit_shift"})
def hessian_frobenius(trained: TrainedModel) -> float:
    square = Estimate(*hessian_spectrum(trained).total(lambda eigenvalues: eigenvalues.square()))
    norm = math.sqrt(square)
    return square.through(norm, derivative=1 / (2 * norm)) if norm else square
