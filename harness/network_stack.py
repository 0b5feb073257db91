"""Networks of one architecture as rows of stacked tensors: one step of SGD of all of them, in the kernels of one.

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

from harness.recipe import Recipe


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
        self.optimizer.step()
        return losses.detach(), logits.detach().argmax(dim=2) == labels

    def keep(self, rows: list[int]) -> None:
        """Go on with the networks of these rows, one or more; the others must not be used any more (`detached`)."""
        momenta = [self.optimizer.state[weight].get("momentum_buffer") for weight in self.weights.values()]
        self._stack([self.networks[row] for row in rows])
        for weight, momentum in zip(self.weights.values(), momenta, strict=True):
            if momentum is not None:
                self.optimizer.state[weight]["momentum_buffer"] = momentum[rows]

    def _stack(self, networks: list[nn.Module]) -> None:
        self.networks = networks
        self.weights, self.buffers = stack_module_state(networks)  # type: ignore[arg-type]
        for row, network in enumerate(networks):
            for name, tensor in [*network.named_parameters(), *network.named_buffers()]:
                stacked = self.weights[name] if name in self.weights else self.buffers[name]
                tensor.data = stacked.detach()[row]
        self.optimizer = torch.optim.SGD(
            self.weights.values(),
            lr=self.recipe.learning_rate,
            momentum=self.recipe.momentum,
            weight_decay=self.recipe.weight_decay,
            fused=True,
        )

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
    """Linear layers and convolutions as autocast computes them, everything between in float32.

    Autocast itself does not reach all of what vmap makes of a network: on a CPU its convolutions stay float32.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func not in (F.linear, torch.conv2d):
            return func(*args, **(kwargs or {}))
        args = [each.bfloat16() if isinstance(each, Tensor) else each for each in args]
        return func(*args, **(kwargs or {})).float()
