"""A network's weight layers, each as the true linear operator at its real input size.

A convolution's operator is not its kernel: with padding, stride and a 3x3 kernel from 16 to 16 channels at 8x8 the
reshaped kernel's norm is 40% below the operator's. Everything here is of the operator: the (out, in) matrix that
maps one flattened input to one flattened output, in float64, bias left out.
"""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from scipy.sparse.linalg import LinearOperator, svds
from torch import Tensor, nn

from harness.folding import folded
from measures._registry import NotApplicable

DENSE_LIMIT = 2**22  # entries; up to here the operator's matrix is formed (32 MB)
OTHER_WEIGHT_LAYERS = (
    nn.Conv1d,
    nn.Conv3d,
    nn.modules.conv._ConvTransposeNd,
    nn.Bilinear,
    nn.Embedding,
    nn.RNNBase,
    nn.MultiheadAttention,
)


@dataclasses.dataclass(frozen=True, eq=False)
class Layer:
    """A linear or convolutional layer of the network with its batch normalization folded in.

    `weight` is (out, in) or (out channels, in channels / groups, height, width); `init_weight` is the weight
    before the first step; both detached. `input_shape` and `output_shape` are one example's.
    """

    name: str
    weight: Tensor
    bias: Tensor | None
    init_weight: Tensor
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    linear_map: Callable[[Tensor, Tensor], Tensor]  # (batch of inputs, weight) -> batch of outputs, no bias

    @functools.cached_property
    def change(self) -> Tensor:
        """How far training moved the weight: `weight` minus `init_weight`."""
        return self.weight - self.init_weight

    @functools.cached_property
    def operator_norm(self) -> float:
        """The largest singular value of the layer's operator."""
        return operator_norm(self, self.weight)

    @functools.cached_property
    def change_operator_norm(self) -> float:
        """The largest singular value of the operator of `change`."""
        return operator_norm(self, self.change)

    @functools.cached_property
    def singular_values(self) -> Tensor:
        """All singular values of the layer's operator, descending, (min(out, in),) float64.

        Raises NotApplicable where the operator has more than DENSE_LIMIT entries.
        """
        entries = int(np.prod(self.output_shape)) * int(np.prod(self.input_shape))
        if entries > DENSE_LIMIT:
            raise NotApplicable(
                f"layer {self.name!r} has an operator of {entries:,} entries; all its singular values are computed "
                f"up to {DENSE_LIMIT:,}"
            )
        return torch.linalg.svdvals(operator_matrix(self, self.weight))

    @functools.cached_property
    def frobenius_norm(self) -> float:
        """The root of the sum of squares of all entries of the layer's operator."""
        return float(row_norms(self, self.weight).norm())

    @functools.cached_property
    def change_frobenius_norm(self) -> float:
        """The same of the operator of `change`."""
        return float(row_norms(self, self.change).norm())


def weight_layers(model: nn.Module, init: nn.Module, inputs: Tensor) -> tuple[Layer, ...]:
    """The layers in the order in which the network applies them; `inputs` is a few training examples.

    Raises NotApplicable for weight layers that are neither Linear nor Conv2d with zero padding, for a layer used
    twice, and for batch normalization that cannot be folded.
    """
    network, start = folded(model, inputs), folded(init, inputs)
    shapes: dict[str, list[tuple[torch.Size, torch.Size]]] = {}
    order: list[tuple[str, nn.Linear | nn.Conv2d]] = []
    hooks = []
    for name, module in network.named_modules():
        if isinstance(module, OTHER_WEIGHT_LAYERS):
            raise NotApplicable(f"layer {name!r} is a {type(module).__name__}; known are Linear and Conv2d")
        if isinstance(module, nn.Linear | nn.Conv2d):

            def record(module: nn.Module, args: tuple[Tensor, ...], output: Tensor, name: str = name) -> None:
                assert isinstance(module, nn.Linear | nn.Conv2d)
                shapes.setdefault(name, []).append((args[0].shape[1:], output.shape[1:]))
                order.append((name, module))

            hooks.append(module.register_forward_hook(record))
    with torch.no_grad():
        network(inputs[:1])
    for hook in hooks:
        hook.remove()
    _check_nothing_is_left_out(network, order)
    layers = []
    for name, module in order:
        if len(shapes[name]) > 1:
            raise NotApplicable(f"layer {name!r} is applied {len(shapes[name])} times; its weights are shared")
        ((input_shape, output_shape),) = shapes[name]
        if isinstance(module, nn.Linear) and len(input_shape) != 1:
            raise NotApplicable(f"layer {name!r} is applied along {tuple(input_shape)}; expected one vector")
        layers.append(
            Layer(
                name=name,
                weight=module.weight.detach(),
                bias=None if module.bias is None else module.bias.detach(),
                init_weight=start.get_submodule(name).get_parameter("weight").detach(),
                input_shape=tuple(input_shape),
                output_shape=tuple(output_shape),
                linear_map=_linear_map(name, module),
            )
        )
    return tuple(layers)


def _check_nothing_is_left_out(network: nn.Module, order: list[tuple[str, nn.Linear | nn.Conv2d]]) -> None:
    known = {id(parameter) for _, module in order for parameter in module.parameters()}
    if unknown := [name for name, parameter in network.named_parameters() if id(parameter) not in known]:
        raise NotApplicable(
            f"parameter {unknown[0]!r} belongs to no Linear or Conv2d that the network applies; known are those two, "
            "with batch normalization that can be folded into them"
        )


def operator_matrix(layer: Layer, weight: Tensor) -> Tensor:
    """The (out, in) matrix of the layer's operator with this weight, dense, float64."""
    if weight.ndim == 2:
        return weight.double()
    size = int(np.prod(layer.input_shape))
    basis = torch.eye(size, dtype=torch.float64, device=weight.device).view(size, *layer.input_shape)
    return layer.linear_map(basis, weight.double()).flatten(1).T


def operator_norm(layer: Layer, weight: Tensor) -> float:
    """Largest singular value of the layer's operator with this weight.

    Exact up to DENSE_LIMIT entries (by the eigenvalues of the smaller Gram matrix); above, by Lanczos
    (scipy's svds) to a relative 1e-6.
    """
    rows, columns = int(np.prod(layer.output_shape)), int(np.prod(layer.input_shape))
    if not bool(row_norms(layer, weight).any()):
        return 0.0
    if weight.ndim > 2 and rows * columns > DENSE_LIMIT and min(rows, columns) > 1:
        return _lanczos_norm(layer, weight.double(), rows, columns)
    matrix = operator_matrix(layer, weight)
    gram = matrix.T @ matrix if rows > columns else matrix @ matrix.T
    return float(torch.linalg.eigvalsh(gram)[-1].clamp_min(0).sqrt())


def row_norms(layer: Layer, weight: Tensor) -> Tensor:
    """Euclidean norm of each row of the operator (one for each output value), shape (out,), float64."""
    if weight.ndim == 2:
        return weight.double().norm(dim=1)
    ones = torch.ones(1, *layer.input_shape, dtype=torch.float64, device=weight.device)
    return layer.linear_map(ones, weight.double().square()).flatten().sqrt()


def _lanczos_norm(layer: Layer, weight: Tensor, rows: int, columns: int) -> float:
    zeros = torch.zeros(1, *layer.input_shape, dtype=torch.float64, device=weight.device)
    transposed = torch.func.vjp(lambda x: layer.linear_map(x, weight), zeros)[1]

    def forward(vector: np.ndarray) -> np.ndarray:
        x = torch.from_numpy(np.ascontiguousarray(vector)).to(weight.device).view_as(zeros)
        image: np.ndarray = layer.linear_map(x, weight).flatten().cpu().numpy()
        return image

    def backward(vector: np.ndarray) -> np.ndarray:
        y = torch.from_numpy(np.ascontiguousarray(vector)).to(weight.device)
        image: np.ndarray = transposed(y.view(1, *layer.output_shape))[0].flatten().cpu().numpy()
        return image

    operator = LinearOperator((rows, columns), matvec=forward, rmatvec=backward, dtype=np.float64)
    # A fixed dense start: the value must not depend on the global random state, nor start orthogonal to the top.
    start = np.random.default_rng(0).standard_normal(min(rows, columns))
    return float(svds(operator, k=1, tol=1e-6, v0=start, return_singular_vectors=False)[0])


def _linear_map(name: str, module: nn.Linear | nn.Conv2d) -> Callable[[Tensor, Tensor], Tensor]:
    if isinstance(module, nn.Linear):
        return F.linear
    if module.padding_mode != "zeros":
        raise NotApplicable(f"layer {name!r} pads with {module.padding_mode}; known is zero padding")
    stride, padding, dilation, groups = module.stride, module.padding, module.dilation, module.groups

    def convolve(inputs: Tensor, weight: Tensor) -> Tensor:
        return F.conv2d(inputs, weight, None, stride, padding, dilation, groups)  # type: ignore[arg-type]

    return convolve
