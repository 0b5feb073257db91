"""Gradients of each example by itself, without ever holding examples times weights.

A linear layer's gradient for one example is the outer product of what comes back to its output and what came
in, so its norm is the product of theirs (Goodfellow 2015, arXiv:1510.01799). A convolution's is the sum of such
products over the positions. That is used of the layers for which plain_layers.py finds it to be so. All other weights
go through vmap, more slowly, and where that cannot, through a loop over the examples.

Gradients are with respect to `named_parameters`, frozen or not: of a weight that is computed from others, theirs.

What is differentiated is ⟨cᵢ, f(xᵢ)⟩ for each example i: the logits times a cotangent cᵢ that is held fixed. The
loss's gradient has `loss_cotangents`, that of class k's logit has the k-th unit vector.
"""

import dataclasses
import warnings
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn
from torch.func import vmap

from measures.errors import NotApplicable
from measures.networks.copying import run_with
from measures.networks.layer_hooks import Application, after_layers, recorded_run
from measures.networks.plain_network import PlainNetwork, require_readable
from measures.quantities import plain_layers
from measures.quantities.plain_layers import (
    PlainLayer,
    gradients_or_zero,
    kernel_gradients,
    scale_gradients,
)

CHUNK = 256  # examples a forward and backward pass
DIFFERENT_IN_TRAINING = (nn.modules.batchnorm._NormBase, nn.modules.dropout._DropoutNd)

Call = tuple[PlainLayer, Tensor, Tensor]  # a layer, what it received, what it returned


def loss_cotangents(logits: Tensor, labels: Tensor) -> Tensor:
    """Gradient of each example's cross-entropy with respect to its logits, (m, K): the softmax minus the label.

    The label's entry is minus the sum of the others, so that it does not cancel where the label is all but certain.
    """
    others = logits.detach().double().softmax(dim=1).scatter(1, labels[:, None], 0)
    return others.scatter(1, labels[:, None], -others.sum(dim=1, keepdim=True)).to(logits.dtype)


def unit_cotangents(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """`loss_cotangents` of length one, (m, K), and their lengths, (m,) float64: those of well fitted examples are tiny,
    and the squares of their gradients would vanish in float32."""
    cotangents = loss_cotangents(logits.double(), labels)
    lengths = cotangents.norm(dim=1)
    return (cotangents / lengths.where(lengths > 0, 1)[:, None]).to(logits.dtype), lengths


def gradient_norms(model: nn.Module, inputs: Tensor, labels: Tensor) -> Tensor:
    """Euclidean norm of each example's gradient of the cross-entropy with respect to all weights, (n,) float64.

    The model must be in evaluation mode: in training mode batch normalization mixes the examples.
    """
    norms = []
    for passed, y in zip(forward_passes(model, inputs.split(CHUNK)), labels.split(CHUNK), strict=True):
        units, lengths = unit_cotangents(passed.logits, y)
        norms.append(squared_norms(passed, units).double().sqrt() * lengths)
    return torch.cat(norms)


@dataclasses.dataclass(frozen=True, eq=False)
class ForwardPass:
    """What a forward pass over some examples leaves for backward passes, any number of them.

    `calls` are the plain layers' applications in order; `others` the weights that belong to none of them.
    """

    model: nn.Module
    inputs: Tensor
    calls: list[Call]
    logits: Tensor
    others: dict[str, Tensor]

    def backward(self, cotangents: Tensor) -> list[Call]:
        """Each plain layer, what it received, and the gradient of Σᵢ ⟨cᵢ, f(xᵢ)⟩ at its output."""
        if not self.calls:
            return []
        returned = [output for _, _, output in self.calls]
        arrived = torch.autograd.grad(self.logits, returned, cotangents, retain_graph=True)
        return [(layer, x, back) for (layer, x, _), back in zip(self.calls, arrived, strict=True)]

    def gradients_of_others(self, cotangents: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """The gradients (few, p') of the other weights, flat and in their order, a few examples at a time."""
        if not self.others:
            return

        size = sum(weight.numel() for weight in self.others.values())
        few = max(1, plain_layers.MAX_ENTRIES // max(1, size))
        for start in range(0, len(self.inputs), few):
            part = slice(start, start + few)
            gradients = self._gradients_of_others(self.inputs[part], cotangents[part])
            rows = len(cotangents[part])
            yield (
                part,
                torch.cat([gradients[name].reshape(rows, weight.numel()) for name, weight in self.others.items()], 1),
            )

    def _gradients_of_others(self, inputs: Tensor, cotangents: Tensor) -> dict[str, Tensor]:
        def product(weights: dict[str, Tensor], x: Tensor, cotangent: Tensor) -> Tensor:
            return (run_with(self.model, weights, x[None])[0] * cotangent).sum()

        try:
            with torch.enable_grad(), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that an operation is slow under vmap
                # Weights of their own for each example. torch.func.grad would import torch's compiler.
                own = {
                    name: weight.expand(len(inputs), *weight.shape).clone().requires_grad_()
                    for name, weight in self.others.items()
                }
                total = vmap(product)(own, inputs, cotangents).sum()
            return dict(zip(own, gradients_or_zero(total, [*own.values()]), strict=True))
        except Exception:  # recurrent layers, decisions on data, ...: whatever it is, the loop has it too
            weights = {name: weight.detach().requires_grad_() for name, weight in self.others.items()}
            with torch.enable_grad():
                alone = [product(weights, x, cotangent) for x, cotangent in zip(inputs, cotangents, strict=True)]
            each = [gradients_or_zero(one, [*weights.values()]) for one in alone]
            return dict(zip(weights, map(torch.stack, zip(*each, strict=True)), strict=True))


def forward_pass(model: nn.Module, inputs: Tensor) -> ForwardPass:
    """Run the model on these examples, all at once; ValueError if it is not in evaluation mode."""
    (passed,) = forward_passes(model, [inputs])
    return passed


def forward_passes(model: nn.Module, parts: Iterable[Tensor]) -> Iterator[ForwardPass]:
    """`forward_pass` of one part of the examples after the other.

    Which layers are plain is found on the first, and again where a part meets other layers, or in other numbers.
    """
    layers: list[PlainLayer] | None = None
    for inputs in parts:
        if layers is None:
            layers = _readable_layers(model, inputs)
        passed = _run(model, layers, inputs)
        if [(layer, len(x)) for layer, x, _ in passed.calls] != [(layer, len(inputs)) for layer in layers]:
            layers = _readable_layers(model, inputs)
            passed = _run(model, layers, inputs)
        yield passed


def _readable_layers(model: nn.Module, inputs: Tensor) -> list[PlainLayer]:
    """The plain layers, where gradients can be read off what they receive; NotApplicable where there is no gradient."""
    if any(module.training for module in model.modules() if isinstance(module, DIFFERENT_IN_TRAINING)):
        raise ValueError("per-example gradients need the model in evaluation mode; call model.eval() first")
    require_readable(model)
    if not any(True for _ in model.parameters()):
        raise NotApplicable("the network has no parameters")
    return plain_layers.plain_layers(model, inputs.detach()) if _through_inputs(model) else []


def _through_inputs(model: nn.Module) -> bool:
    return not (isinstance(model, PlainNetwork) and model.no_input_gradient)


def _run(model: nn.Module, layers: list[PlainLayer], inputs: Tensor) -> ForwardPass:
    inputs = inputs.detach()
    plain = {id(parameter) for layer in layers for parameter in layer.parameters()}
    others = {name: p.detach() for name, p in model.named_parameters() if id(p) not in plain}
    logits, applications = _recorded_run(model, layers, inputs)
    calls = [(call.layer, call.received.detach(), call.returned) for call in applications]
    return ForwardPass(model, inputs, calls, logits, others)


@torch.enable_grad()
def _recorded_run(
    model: nn.Module, layers: list[PlainLayer], inputs: Tensor
) -> tuple[Tensor, list[Application[PlainLayer]]]:
    """`recorded_run`, but that what layers return is copied only where a next layer works in place.

    With a gradient asked for the inputs every output has one, be the weights frozen or not.
    """
    applications: list[Application[PlainLayer]] = []
    versions: list[int] = []

    def record(layer: PlainLayer, received: Tensor, returned: Tensor) -> None:
        applications.append(Application(layer, received, returned))
        versions.append(returned._version)

    with after_layers(layers, record):
        logits = model(inputs.clone().requires_grad_(_through_inputs(model)))
    if [application.returned._version for application in applications] == versions:
        return logits, applications
    return recorded_run(model, layers, inputs.clone().requires_grad_(_through_inputs(model)))


@torch.no_grad()
def norms_and_sum(passed: ForwardPass, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Norms (m,) float64 of the examples' gradients of the cross-entropy, and these gradients' sum (p,).

    With respect to all weights, as in model.parameters(). Each gradient is formed once; a linear layer's not at all.
    """
    units, lengths = unit_cotangents(passed.logits, labels)
    scales, squares = lengths.to(units), torch.zeros_like(units[:, 0])
    sums: dict[int, Tensor] = {}
    for layer, x, back in passed.backward(units):
        if isinstance(layer, nn.Linear):
            sums[id(layer.weight)] = ((back * scales[:, None].to(back)).T @ x).flatten()
        of_layer = _squares(layer, x, back) if isinstance(layer, nn.Linear) else torch.zeros_like(squares)
        for weight, part, gradients in _formed(layer, x, back):
            sums[id(weight)] = sums.get(id(weight), 0) + scales[part].to(gradients) @ gradients
            if not isinstance(layer, nn.Linear):
                of_layer[part] += gradients.square().sum(dim=1)
        squares += of_layer
    of_others = torch.zeros(sum(weight.numel() for weight in passed.others.values())).to(units)
    for part, gradients in passed.gradients_of_others(units):
        squares[part] += gradients.square().sum(dim=1)
        of_others += scales[part].to(gradients) @ gradients
    named = dict(passed.model.named_parameters())
    pieces = of_others.split([weight.numel() for weight in passed.others.values()])
    sums |= {id(named[name]): piece for name, piece in zip(passed.others, pieces, strict=True)}
    return squares.double().sqrt() * lengths, torch.cat([sums[id(weight)] for weight in named.values()])


def _formed(layer: PlainLayer, x: Tensor, back: Tensor) -> Iterator[tuple[Tensor, slice, Tensor]]:
    """Gradients (few, size) of each of the layer's parameters but a linear layer's weight, a few examples at a time."""
    if layer.bias is not None:
        yield layer.bias, slice(0, len(x)), back if back.ndim == 2 else back.sum(dim=(2, 3))
    if isinstance(layer, nn.Conv2d):
        for part, gradients in kernel_gradients(layer, x, back):
            yield layer.weight, part, gradients.flatten(1)
    elif isinstance(layer, nn.BatchNorm2d) and layer.weight is not None:
        yield layer.weight, slice(0, len(x)), scale_gradients(layer, x, back)


@torch.no_grad()
def squared_norms(passed: ForwardPass, cotangents: Tensor) -> Tensor:
    """Squared norm of each example's gradient with respect to all weights, (m,)."""
    squares = torch.zeros_like(passed.logits[:, 0])
    for layer, x, back in passed.backward(cotangents):
        squares += _squares(layer, x, back)
    for part, gradients in passed.gradients_of_others(cotangents):
        squares[part] += gradients.square().sum(dim=1)
    return squares


def _squares(layer: PlainLayer, inputs: Tensor, back: Tensor) -> Tensor:
    """Squared gradient norm of one layer's weight and bias, from its inputs and the gradient at its outputs."""
    if isinstance(layer, nn.Linear):
        return (inputs.square().sum(dim=1) + (layer.bias is not None)) * back.square().sum(dim=1)
    squares = torch.zeros_like(back[:, 0, 0, 0])
    if layer.bias is not None:
        squares += back.sum(dim=(2, 3)).square().sum(dim=1)
    if isinstance(layer, nn.Conv2d):
        for part, gradients in kernel_gradients(layer, inputs, back):
            squares[part] += gradients.square().sum(dim=(1, 2))
    elif layer.weight is not None:
        squares += scale_gradients(layer, inputs, back).square().sum(dim=1)
    return squares
