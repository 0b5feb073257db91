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
from torch import Tensor

from measures.absent import Lacking, as_given
from measures.errors import NotApplicable
from measures.fixed_modes import under_fixed_modes

DENSE_LIMIT = 2**22  # entries; up to here the operator's matrix is formed (32 MB)
DENSE_SIZE = 256  # rows of a Gram matrix; up to here its eigenvalues take no longer than iteration
WITHIN = 5e-6  # bound on the relative error of an iterated norm
STEPS, CYCLES = 300, 10
HELD = 2**27  # entries of vectors that are kept at a time (0.5 GB in float32)


@dataclasses.dataclass(frozen=True, eq=False)
class Layer:
    """A linear or convolutional layer of the network with its batch normalization folded in.

    `weight` is (out, in) or (out channels, in channels / groups, height, width); `init_weight` is the weight
    before the first step, and reading it raises NotApplicable where the network came without; both detached.
    `input_shape` and `output_shape` are one example's: of a linear layer (in,), or (..., in) where it is applied to
    several vectors of the example. The weight has the scale of a normalization that stands before the layer, as in
    networks of pre-activation; what such a layer receives in the network as it is has that scale too.
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

    Exact for linear layers, kernels of one pixel, and operators whose smaller Gram matrix has up to DENSE_SIZE rows; of
    other convolutions by Golub-Kahan iteration, mostly to a relative 1e-8. Raises NotApplicable where that does not
    converge.
    """
    rows, columns = _size(layer)
    if not bool(row_norms(layer, weight).any()):
        return 0.0
    if weight.ndim == 2:
        return _norm_of_matrix(weight.double())
    if weight.shape[2:].numel() == 1:  # its operator is this matrix at every position, one for each group of channels
        return max(map(_norm_of_matrix, weight.double().flatten(1).split(_channels_of_a_group(layer, weight))))
    if rows * columns > DENSE_LIMIT or min(rows, columns) > DENSE_SIZE:
        return _iterated_norm(layer, weight)
    return _norm_of_matrix(operator_matrix(layer, weight))


def _norm_of_matrix(matrix: Tensor) -> float:
    gram = matrix.T @ matrix if matrix.shape[0] > matrix.shape[1] else matrix @ matrix.T
    return float(torch.linalg.eigvalsh(gram)[-1].clamp_min(0).sqrt())


def _channels_of_a_group(layer: Layer, weight: Tensor) -> int:
    groups = layer.input_shape[-3] // weight.shape[1]
    return weight.shape[0] // groups


def row_norms(layer: Layer, weight: Tensor) -> Tensor:
    """Euclidean norm of each row of the operator (one for each output value), shape (out,), float64."""
    if len(layer.input_shape) == 1:
        return weight.double().norm(dim=1)
    ones = torch.ones(1, *layer.input_shape, dtype=torch.float64, device=weight.device)
    return layer.linear_map(ones, weight.double().square()).flatten().sqrt()


def _iterated_norm(layer: Layer, weight: Tensor) -> float:
    """The norm by iteration in float32, and its value and its error in float64; if that is too large, all in float64.

    The value is sigma = |Av| of a unit vector v, so no larger than the norm, and some singular value of A is within
    |A^T A v / sigma - sigma v| of it: that bound is at most WITHIN of it. Its error is mostly a square of that.
    """
    largest = float(weight.abs().max())  # of a kernel of any scale, squares are within float32's range
    scaled = weight.double() / largest
    for dtype in (torch.float32, torch.float64):
        vector = _top_right_vector(_Products(layer, scaled.to(dtype)), WITHIN / 3)
        exact = _Products(layer, scaled)
        vector = vector.double() / vector.double().norm()
        image = exact.forward(vector)
        sigma = float(image.norm())
        if float((exact.backward(image) / sigma - sigma * vector).norm()) <= WITHIN * sigma:
            return largest * sigma
    raise NotApplicable(f"the operator norm of layer {layer.name!r} did not converge in {CYCLES} times {STEPS} steps")


class _Products:
    """Products of the layer's operator A, with this weight, and of its transpose with flat vectors."""

    def __init__(self, layer: Layer, weight: Tensor):
        self.layer, self.weight = layer, weight
        self.zeros = torch.zeros(1, *layer.input_shape, dtype=weight.dtype, device=weight.device).requires_grad_()
        with torch.enable_grad():  # torch.func would import torch's compiler
            self.nothing = layer.linear_map(self.zeros, weight)

    def forward(self, vector: Tensor) -> Tensor:
        return self.layer.linear_map(vector.view_as(self.zeros), self.weight).flatten()

    def backward(self, vector: Tensor) -> Tensor:
        (found,) = torch.autograd.grad(self.nothing, self.zeros, vector.view_as(self.nothing), retain_graph=True)
        return found.flatten()


def _top_right_vector(products: _Products, tolerance: float) -> Tensor:
    """The right singular vector of the largest singular value, as far as CYCLES restarts find it.

    Golub-Kahan bidiagonalization (Golub & Van Loan 2013, Matrix Computations, sec. 10.4), its right vectors kept
    orthogonal (Simon & Zha 2000, SIAM J. Sci. Comput. 21:2257). It begins with a fixed dense vector: the value must not
    depend on the global random state, nor the start be orthogonal to the top.
    """
    size = products.zeros.numel()
    start = np.random.default_rng(0).standard_normal(size)
    vector = torch.from_numpy(start).to(products.zeros)
    steps = min(STEPS, size, products.nothing.numel(), max(20, HELD // (size + products.nothing.numel())))
    for _ in range(CYCLES):
        vector, residual = _cycle(products, vector / vector.norm(), steps, tolerance)
        if residual <= tolerance:
            break
    return vector


def _cycle(products: _Products, start: Tensor, steps: int, tolerance: float) -> tuple[Tensor, float]:
    """The top right vector in the space of up to `steps` steps from `start`, and its residual relative to the value."""
    right = start.new_empty(steps + 1, len(start))
    right[0] = start
    image = products.forward(start)
    diagonal: list[float] = []
    beside: list[float] = []
    for k in range(steps):
        diagonal.append(float(image.norm()))
        left = image / diagonal[-1] if diagonal[-1] else image
        back = products.backward(left) - diagonal[-1] * right[k]
        back = back - right[: k + 1].T @ (right[: k + 1] @ back)
        beside.append(float(back.norm()))
        at_an_end = not diagonal[-1] or not beside[-1] or k == steps - 1
        if at_an_end or k % 4 == 3:
            u, values, v = torch.linalg.svd(_bidiagonal(diagonal, beside[:-1]))
            residual = beside[-1] * abs(float(u[-1, 0])) / float(values[0])
            if at_an_end or residual <= tolerance:
                break
        right[k + 1] = back / beside[-1]
        image = products.forward(right[k + 1]) - beside[-1] * left
    return v[0].to(right) @ right[: k + 1], residual


def _bidiagonal(diagonal: list[float], above: list[float]) -> Tensor:
    return torch.tensor(diagonal, dtype=torch.float64).diag() + torch.tensor(above, dtype=torch.float64).diag(1)


def _size(layer: Layer) -> tuple[int, int]:
    """Rows and columns of the operator; of one of its equal blocks where it is a linear layer."""
    if layer.weight.ndim == 2:
        return layer.weight.shape[0], layer.weight.shape[1]
    return int(np.prod(layer.output_shape)), int(np.prod(layer.input_shape))
