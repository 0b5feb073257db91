"""Trace of the Hessian: the mean curvature of the training loss over all directions, times their number.

    μ = tr H     H = ∇²L(θ)

L is the mean cross-entropy of the training set, θ all parameters, batch normalization's among them.

Dinh et al. 2017 (arXiv:1703.04933) and Yao et al. 2020 (arXiv:1912.07145) for the measure; the estimate, with its
standard error, is of quantities/hessian_spectrum.py.
Differs from the papers:
1. The trace is estimated from 40 products with H; exact, from every basis vector, up to 40 parameters. On networks that
   fit the digits the standard error is 2 to 6% of the trace.
2. Of a large training set, a weighted sample takes the place of the whole.

Claims: larger gap (Keskar et al. 2017, arXiv:1609.04836, abstract).
Random labels: unknown (the sources could not be had).
"""

from measures import Estimate, measure
from measures.quantities.hessian_spectrum import hessian_spectrum
from measures.trained_model import TrainedModel


@measure(source="Yao et al. 2020", version=2, cost="slow", invariant_to={"logit_shift"})
def hessian_trace(trained: TrainedModel) -> float:
    return Estimate(*trace_and_standard_error(trained))


def trace_and_standard_error(trained: TrainedModel) -> tuple[float, float]:
    """The trace and the estimate's standard error (0 where exact)."""
    return hessian_spectrum(trained).total(lambda eigenvalues: eigenvalues)
