"""Curvature by PyHessian and curvlinops, on all examples, and the evidence by laplace-torch.

PyHessian 0.1 is MIT by its package and GPL by the heads of its files; its spectral density calls a function that torch
no longer has, and is not compared.
"""

import math

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from scipy.sparse.linalg import eigsh
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from measures.folding import folded
from measures.trained_model import FEW, TrainedModel
from tests.peers.comparison import Comparison, beside, own_copy

VECTORS = 40  # random vectors of their estimates of a trace


def power_iteration(trained: TrainedModel) -> float:
    return float(_pyhessian(trained).eigenvalues(maxIter=100, tol=1e-5)[0][0])


def trace_by_pyhessian(trained: TrainedModel) -> float:
    return float(np.mean(_pyhessian(trained).trace(maxIter=VECTORS, tol=0.0)))


def _pyhessian(trained: TrainedModel):
    import pyhessian

    torch.manual_seed(0)  # it draws from the global generator
    batch = trained.inputs, trained.labels
    return pyhessian.hessian(own_copy(trained), nn.CrossEntropyLoss(), data=batch, cuda=False)


def _operator(trained: TrainedModel):
    import curvlinops

    torch.manual_seed(0)
    network, batch = own_copy(trained), (trained.inputs, trained.labels)
    return curvlinops.HessianLinearOperator(
        network, nn.CrossEntropyLoss(), list(network.parameters()), [batch], check_deterministic=False
    )


def largest_by_arpack(trained: TrainedModel) -> float:
    start = np.random.default_rng(0).standard_normal(_operator(trained).shape[0]).astype(np.float32)
    operator = _operator(trained).to_scipy()
    return float(eigsh(operator, k=1, which="LA", tol=1e-5, v0=start, return_eigenvectors=False)[0])


def trace_by_curvlinops(trained: TrainedModel) -> float:
    import curvlinops

    return float(curvlinops.hutchpp_trace(_operator(trained), num_matvecs=60))


def frobenius_by_curvlinops(trained: TrainedModel) -> float:
    import curvlinops

    return math.sqrt(float(curvlinops.hutchinson_squared_fro(_operator(trained), num_matvecs=VECTORS)))


def evidence_by_laplace_torch(trained: TrainedModel) -> float:
    """In nats per example, of the network with batch normalization folded in, at the best precision of the prior."""
    from laplace import Laplace

    n = len(trained.labels)
    network = folded(trained.model, trained.inputs[:FEW]).requires_grad_(True)
    laplace = Laplace(network, "classification", subset_of_weights="all", hessian_structure="kron")
    laplace.fit(DataLoader(TensorDataset(trained.inputs, trained.labels), batch_size=n))

    def price(log_precision: float) -> float:
        return -float(laplace.log_marginal_likelihood(torch.tensor(math.exp(log_precision)))) / n

    return float(minimize_scalar(price, bounds=(math.log(1e-6), math.log(1e6)), method="bounded").fun)


ESTIMATES = "both estimate it: here 300 weighted examples and 40 products, there all examples and "
COMPARISONS = [
    Comparison(
        measure="hessian_top_eigenvalue",
        package="pyhessian",
        pair=beside("hessian_top_eigenvalue", power_iteration),
        ratio=(0.8, 1.25),
        rank=0.8,
        why="300 weighted examples here; power iteration there, on all",
        costly=True,
    ),
    Comparison(
        measure="hessian_trace",
        package="pyhessian",
        pair=beside("hessian_trace", trace_by_pyhessian),
        ratio=(0.7, 1.4),
        rank=0.8,
        why=ESTIMATES + f"{VECTORS} vectors",
        costly=True,
    ),
    Comparison(
        measure="hessian_top_eigenvalue",
        package="curvlinops-for-pytorch",
        pair=beside("hessian_top_eigenvalue", largest_by_arpack),
        ratio=(0.8, 1.25),
        rank=0.8,
        why="300 weighted examples here; Lanczos iteration there, on all",
        costly=True,
    ),
    Comparison(
        measure="hessian_trace",
        package="curvlinops-for-pytorch",
        pair=beside("hessian_trace", trace_by_curvlinops),
        ratio=(0.8, 1.25),
        rank=0.8,
        why=ESTIMATES + "60 (Hutch++)",
        costly=True,
    ),
    Comparison(
        measure="hessian_frobenius",
        package="curvlinops-for-pytorch",
        pair=beside("hessian_frobenius", frobenius_by_curvlinops),
        ratio=(0.7, 1.4),
        rank=0.8,
        why=ESTIMATES + f"{VECTORS} vectors",
        costly=True,
    ),
    Comparison(
        measure="laplace_evidence",
        package="laplace-torch",
        pair=beside("laplace_evidence", evidence_by_laplace_torch),
        ratio=(0.95, 1.02),
        rank=0.9,
        why="here a layer's weight and bias are one block, there two; batch normalization folded in for both",
    ),
]
