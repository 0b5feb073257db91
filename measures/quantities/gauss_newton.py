"""The Gauss-Newton matrix of the training loss, layer by layer: its diagonal and its Kronecker factors.

    G = (1/n) Σᵢ Jᵢᵀ Λᵢ Jᵢ     Jᵢ = ∂f(xᵢ)/∂θ,  Λᵢ = diag(pᵢ) − pᵢpᵢᵀ = Σ_c pᵢ_c (e_c − pᵢ)(e_c − pᵢ)ᵀ

pᵢ is the softmax output. Batch normalization is folded into the layer before it. Of one layer's weight and bias the
block of G is approximated by A ⊗ B: A (in + 1, in + 1) the mean of products of what comes in (a 1 appended for the
bias), summed over positions; B (out, out) the mean, over positions too, of products of what comes back from the K
vectors √pᵢ_c (e_c − pᵢ). For a linear layer and one example it is exact; the diagonal is exact for any number.

Martens & Grosse 2015 (arXiv:1503.05671); Grosse & Martens 2016 (arXiv:1602.01407) for convolutions.
Differs from the papers: B and the diagonal are of the weighted examples of quantities/hessian_spectrum.py.
"""

import dataclasses
import functools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from measures.errors import NotApplicable
from measures.folding import folded
from measures.networks.layer_hooks import recorded_run, require_rows_together
from measures.once_per_model import once_per_model
from measures.quantities.hessian_spectrum import weighted_examples
from measures.quantities.plain_layers import patches
from measures.trained_model import FEW, TrainedModel

CHUNK = 256  # examples a pass


@dataclasses.dataclass(frozen=True, eq=False)
class LayerCurvature:
    """One layer's share of the Gauss-Newton matrix; `weight` as the layer has it, batch normalization folded in.

    `diagonal` is shaped like `weight` (bias left out); `incoming` and `outgoing` are A and B, float64.
    """

    weight: Tensor
    bias: Tensor | None
    diagonal: Tensor
    incoming: Tensor
    outgoing: Tensor

    @functools.cached_property
    def eigenvalues(self) -> Tensor:
        """Those of A ⊗ B, the products of the factors', on the CPU; what rounding leaves below 0 is 0."""
        factors = [torch.linalg.eigvalsh(factor).clamp_min(0).cpu() for factor in (self.incoming, self.outgoing)]
        return torch.outer(*factors).flatten()


@once_per_model
def layer_curvatures(trained: TrainedModel) -> tuple[LayerCurvature, ...]:
    """One for each weight layer, in the order of application. Raises NotApplicable like TrainedModel.layers."""
    network = folded(trained.model, trained.inputs[:FEW])
    layers = [network.get_submodule(layer.name) for layer in trained.layers]
    plain = [layer for layer in layers if isinstance(layer, nn.Linear | nn.Conv2d)]
    if any(isinstance(layer, nn.Conv2d) and (layer.groups > 1 or isinstance(layer.padding, str)) for layer in plain):
        raise NotApplicable("a convolution has groups or padding by name; Kronecker factors are not known for it")
    require_rows_together(network, plain, trained.inputs)
    incoming = _incoming(network, plain, trained.inputs)
    chosen, weights = weighted_examples(trained)
    outgoing, diagonal = _outgoing(network, plain, trained.inputs[chosen], weights, len(trained.labels))
    return tuple(
        LayerCurvature(layer.weight.detach(), None if layer.bias is None else layer.bias.detach(), d, a, b)
        for layer, d, a, b in zip(plain, diagonal, incoming, outgoing, strict=True)
    )


def _incoming(network: nn.Module, layers: list[nn.Linear | nn.Conv2d], inputs: Tensor) -> list[Tensor]:
    """A of each layer, over all examples."""
    sums: list[Tensor | float] = [0.0] * len(layers)
    with torch.no_grad():
        for x in inputs.split(CHUNK):
            _, applications = recorded_run(network, layers, x)
            for i, (layer, application) in enumerate(zip(layers, applications, strict=True)):
                rows = (
                    _patches(layer, application.received, len(x)).transpose(1, 2).flatten(0, 1)
                )  # (examples * positions, in)
                if layer.bias is not None:
                    rows = F.pad(rows, (0, 1), value=1.0)
                sums[i] = sums[i] + (rows.T @ rows).double()
    return [torch.as_tensor(total) / len(inputs) for total in sums]


def _outgoing(
    network: nn.Module, layers: list[nn.Linear | nn.Conv2d], inputs: Tensor, weights: Tensor, n: int
) -> tuple[list[Tensor], list[Tensor]]:
    """B and the diagonal of each layer, from K backward passes."""
    products: list[Tensor | float] = [0.0] * len(layers)
    diagonals: list[Tensor | float] = [0.0] * len(layers)
    for x, w in zip(inputs.split(CHUNK), weights.split(CHUNK), strict=True):
        with torch.enable_grad():
            logits, applications = recorded_run(network, layers, x.detach().requires_grad_())
        p = logits.detach().softmax(dim=1)
        returned = [application.returned for application in applications]
        met = [_patches(layer, a.received.detach(), len(x)) for layer, a in zip(layers, applications, strict=True)]
        for c in range(p.shape[1]):
            unit = torch.eye(p.shape[1], dtype=p.dtype, device=p.device)[c]
            root = (unit - p) * (p[:, c] * w / n).sqrt().to(p)[:, None]
            back = torch.autograd.grad(logits, returned, root, retain_graph=True, allow_unused=True)
            if any(b is None for b in back):
                raise NotApplicable("the logits do not follow from what every layer returns")
            for i, (layer, a, b) in enumerate(zip(layers, met, back, strict=True)):
                b = b.flatten(2) if isinstance(layer, nn.Conv2d) else _columns(b, len(x))  # (m, out, positions)
                rows = b.transpose(1, 2).flatten(0, 1)
                products[i] = products[i] + (rows.T @ rows).double() / b.shape[2]
                if b.shape[2] == 1 and isinstance(layer, nn.Linear):
                    squares = b[:, :, 0].square().T @ a[:, :, 0].square()
                else:
                    squares = (b @ a.transpose(1, 2)).square().sum(dim=0)
                diagonals[i] = diagonals[i] + squares.double().view(layer.weight.shape)
    return [torch.as_tensor(b) for b in products], [torch.as_tensor(d) for d in diagonals]


def _patches(layer: nn.Linear | nn.Conv2d, received: Tensor, examples: int) -> Tensor:
    """What each of the layer's positions receives, (m, in, positions); those of a linear layer are tokens or rows."""
    if isinstance(layer, nn.Linear):
        return _columns(received, examples)
    return patches(layer, received)


def _columns(rows: Tensor, examples: int) -> Tensor:
    """The rows of each example, (m, ..., width), as columns (m, width, positions)."""
    return rows.reshape(examples, -1, rows.shape[-1]).transpose(1, 2)
