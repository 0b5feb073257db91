"""A weight layer as the true linear operator at its real input size; weight_layers.py finds a network's.

A convolution's operator is not its kernel: with padding, stride and a 3x3 kernel from 16 to 16 channels at 8x8 the
reshaped kernel's norm is 40% below the operator's. Everything here is of the operator: the (out, in) matrix that
maps one flattened input to one flattened output, in float64, bias left out. So a linear layer that is applied to each
of T vectors of an example (tokens, rows) is T times its weight, along the diagonal: its weights count T times.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterable

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator, svds
from torch import Tensor

from measures.absent import Lacking, as_given
from measures.errors import NotApplicable
from measures.fixed_modes import under_fixed_modes

DENSE_LIMIT = 2**22  # entries; up to here the operator's matrix is formed (32 MB)


@dataclasses.dataclass(frozen=True, eq=False)
class Layer:
    """A linear or convolutional layer of the network with its batch normalization folded in.

    `weight` is (out, in) or (out channels, in channels / groups, height, width); `init_weight` is the weight
    before the first step, and reading it raises NotApplicable where the network came without; both detached.
    `input_shape` and `output_shape` are one example's: of a linear layer (in,), or (..., in) where it is applied to
    several vectors of the example.
    """

    name: str
    weight: Tensor
    bias: Tensor | None
    init_weight: Tensor
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    linear_map: Callable[[Tensor, Tensor], Tensor]  # (batch of inputs, weight) -> batch of outputs, no bias

    __repr__ = as_given

    @functools.cached_property
    @under_fixed_modes
    def change(self) -> Tensor:
        """How far training moved the weight: `weight` minus `init_weight`."""
        return self.weight - self.init_weight

    @functools.cached_property
    @under_fixed_modes
    def operator_norm(self) -> float:
        """The largest singular value of the layer's operator."""
        return operator_norm(self, self.weight)

    @functools.cached_property
    @under_fixed_modes
    def change_operator_norm(self) -> float:
        """The largest singular value of the operator of `change`."""
        return operator_norm(self, self.change)

    @functools.cached_property
    @under_fixed_modes
    def singular_values(self) -> Tensor:
        """All singular values of the layer's operator, descending, (min(out, in),) float64.

        Raises NotApplicable where the operator, or the weight of a linear layer, has more than DENSE_LIMIT entries.
        """
        rows, columns = _size(self)
        if (entries := rows * columns) > DENSE_LIMIT:
            raise NotApplicable(
                f"layer {self.name!r} has an operator of {entries:,} entries; all its singular values are computed "
                f"up to {DENSE_LIMIT:,}"
            )
        if self.weight.ndim == 2:
            times = int(np.prod(self.input_shape[:-1]))
            return torch.linalg.svdvals(self.weight.double()).repeat_interleave(times)
        return torch.linalg.svdvals(operator_matrix(self, self.weight))

    @functools.cached_property
    @under_fixed_modes
    def frobenius_norm(self) -> float:
        """The root of the sum of squares of all entries of the layer's operator."""
        return float(row_norms(self, self.weight).norm())

    @functools.cached_property
    @under_fixed_modes
    def change_frobenius_norm(self) -> float:
        """The same of the operator of `change`."""
        return float(row_norms(self, self.change).norm())


NO_INITIAL_WEIGHTS = "this network came without its initial weights, which it needs"
setattr(Layer, "init_weight", Lacking("init_weight", NO_INITIAL_WEIGHTS))  # noqa: B010  (as in trained_model.py)


def require_size(layers: Iterable[Layer], sizes: Iterable[float]) -> None:
    """NotApplicable where one of these norms of the layers is 0: it has no logarithm, and nothing is relative to it."""
    for layer, size in zip(layers, sizes, strict=True):
        if not size:
            raise NotApplicable(
                f"the weights of layer {layer.name!r} are all zero: the logarithm of their norm, and what is relative "
                "to it, is undefined"
            )


def operator_matrix(layer: Layer, weight: Tensor) -> Tensor:
    """The (out, in) matrix of the layer's operator with this weight, dense, float64."""
    if len(layer.input_shape) == 1:
        return weight.double()
    size = int(np.prod(layer.input_shape))
    basis = torch.eye(size, dtype=torch.float64, device=weight.device).view(size, *layer.input_shape)
    return layer.linear_map(basis, weight.double()).flatten(1).T


def operator_norm(layer: Layer, weight: Tensor) -> float:
    """Largest singular value of the layer's operator with this weight.

    Exact up to DENSE_LIMIT entries (by the eigenvalues of the smaller Gram matrix); above, by Lanczos
    (scipy's svds) to a relative 1e-6.
    """
    rows, columns = _size(layer)
    if not bool(row_norms(layer, weight).any()):
        return 0.0
    if weight.ndim > 2 and rows * columns > DENSE_LIMIT and min(rows, columns) > 1:
        return _lanczos_norm(layer, weight.double(), rows, columns)
    matrix = weight.double() if weight.ndim == 2 else operator_matrix(layer, weight)
    gram = matrix.T @ matrix if rows > columns else matrix @ matrix.T
    return float(torch.linalg.eigvalsh(gram)[-1].clamp_min(0).sqrt())


def row_norms(layer: Layer, weight: Tensor) -> Tensor:
    """Euclidean norm of each row of the operator (one for each output value), shape (out,), float64."""
    if len(layer.input_shape) == 1:
        return weight.double().norm(dim=1)
    ones = torch.ones(1, *layer.input_shape, dtype=torch.float64, device=weight.device)
    return layer.linear_map(ones, weight.double().square()).flatten().sqrt()


def _lanczos_norm(layer: Layer, weight: Tensor, rows: int, columns: int) -> float:
    zeros = torch.zeros(1, *layer.input_shape, dtype=torch.float64, device=weight.device).requires_grad_()
    with torch.enable_grad():  # torch.func would import torch's compiler
        nothing = layer.linear_map(zeros, weight)

    def forward(vector: np.ndarray) -> np.ndarray:
        x = torch.from_numpy(np.ascontiguousarray(vector)).to(weight.device).view_as(zeros)
        image: np.ndarray = layer.linear_map(x, weight).flatten().cpu().numpy()
        return image

    def backward(vector: np.ndarray) -> np.ndarray:
        y = torch.from_numpy(np.ascontiguousarray(vector)).to(weight.device)
        (transposed,) = torch.autograd.grad(nothing, zeros, y.view(1, *layer.output_shape), retain_graph=True)
        image: np.ndarray = transposed.flatten().cpu().numpy()
        return image

    operator = LinearOperator((rows, columns), matvec=forward, rmatvec=backward, dtype=np.float64)
    # A fixed dense start: the value must not depend on the global random state, nor start orthogonal to the top.
    start = np.random.default_rng(0).standard_normal(min(rows, columns))
    return float(svds(operator, k=1, tol=1e-6, v0=start, return_singular_vectors=False)[0])


def _size(layer: Layer) -> tuple[int, int]:
    """Rows and columns of the operator; of one of its equal blocks where it is a linear layer."""
    if layer.weight.ndim == 2:
        return layer.weight.shape[0], layer.weight.shape[1]
    return int(np.prod(layer.output_shape)), int(np.prod(layer.input_shape))
