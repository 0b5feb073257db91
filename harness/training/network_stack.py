"""Networks of one architecture as rows of stacked tensors: one step of all of them, in the kernels of one.

The modules stay ordinary networks: their weights and buffers are views of their row, so whoever reads or writes a
module reads or writes the stack. `torch.func.vmap` makes matrix products batched and convolutions grouped.
"""

import contextlib
import copy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.overrides import TorchFunctionMode

from harness.training.optimizers import clip_each, optimizer_for
from harness.training.recipe import Recipe

PRODUCTS = {F.linear, torch.conv1d, torch.conv2d, torch.conv3d, torch.matmul, torch.bmm, torch.mm, torch.einsum}
PRODUCTS |= {Tensor.matmul, Tensor.__matmul__, Tensor.bmm, Tensor.mm}  # as attention writes them


class NetworkStack:
    """Networks (all in training mode, without dropout) that take their steps together, with the recipe's optimizer."""

    def __init__(self, networks: list[nn.Module], recipe: Recipe):
        self.recipe = recipe
        self.template = copy.deepcopy(networks[0]).to("meta")
        self._stack(networks)

    def step(self, images: Tensor, labels: Tensor, rate: float) -> tuple[Tensor, Tensor]:
        """One step of every network on a batch of its own: images (networks, batch, ...), labels (networks, batch).

        Gives the mean losses (networks,) before the step, in nats, and which examples were classified correctly
        (networks, batch). Nothing here waits for the device.
        """
        logits = vmap(self._logits)(self.weights, self.buffers, images)
        every_loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
        losses = every_loss.view_as(labels).mean(dim=1)
        self.optimizer.param_groups[0]["lr"] = rate
        self.optimizer.zero_grad()
        losses.sum().backward()  # no loss depends on another network's weights: each gets its own gradient
        clip_each(self.recipe, self.weights.values())
        self.optimizer.step()
        return losses.detach(), logits.detach().argmax(dim=2) == labels

    def keep(self, rows: list[int]) -> None:
        """Go on with the networks of these rows, one or more; the others must not be used any more (`detached`)."""
        states = [(weight.shape, self.optimizer.state[weight]) for weight in self.weights.values()]
        self._stack([self.networks[row] for row in rows])
        for weight, (shape, state) in zip(self.weights.values(), states, strict=True):
            for name, value in state.items():  # one of the stack's shape has a row for each network; others are shared
                whole = isinstance(value, Tensor) and value.shape == shape
                self.optimizer.state[weight][name] = value[rows] if whole else value

    def _stack(self, networks: list[nn.Module]) -> None:
        self.networks = networks
        self.weights, self.buffers = stack_module_state(networks)  # type: ignore[arg-type]
        for row, network in enumerate(networks):
            for name, tensor in [*network.named_parameters(), *network.named_buffers()]:
                stacked = self.weights[name] if name in self.weights else self.buffers[name]
                tensor.data = stacked.detach()[row]
        self.optimizer = optimizer_for(self.recipe, self.weights.values())

    def _logits(self, weights: dict[str, Tensor], buffers: dict[str, Tensor], images: Tensor) -> Tensor:
        exact = self.recipe.precision == "float32"
        with contextlib.nullcontext() if exact else _ProductsInBfloat16():
            logits: Tensor = functional_call(self.template, (weights, buffers), (images,))
        return logits


def detach_from_stack(network: nn.Module) -> None:
    """Give the network its tensors for itself, as they are now."""
    for tensor in [*network.parameters(), *network.buffers()]:
        tensor.data = tensor.data.clone()


class _ProductsInBfloat16(TorchFunctionMode):
    """Products of matrices and convolutions as autocast computes them, everything between in float32.

    Autocast itself does not reach all of what vmap makes of a network: on a CPU its convolutions stay float32.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func not in PRODUCTS:
            return func(*args, **(kwargs or {}))
        args = [argument.bfloat16() if isinstance(argument, Tensor) else argument for argument in args]
        return func(*args, **(kwargs or {})).float()
