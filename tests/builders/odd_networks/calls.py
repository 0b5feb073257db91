"""Networks whose call leaves something behind, or stops the gradient of what it computes."""

import os
import random
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from tests.builders.odd_networks.plain import CLASSES, Calling, mlp


def with_body(forward: Callable[[Calling, Tensor], Tensor]) -> Calling:
    return Calling(forward, body=mlp()[:3], head=nn.Linear(8, CLASSES))


def keeps_its_maps_in_a_list() -> nn.Module:
    """And in a dict that is in a list, and in a set."""

    def forward(self: Calling, x: Tensor) -> Tensor:
        h = self.body(x)
        self.maps.append(h)
        self.maps[0]["last"] = h
        self.seen.add(len(self.maps))
        return self.head(h)

    network = with_body(forward)
    network.maps, network.seen = [{}], set()
    return network


def registers_a_buffer() -> nn.Module:
    def forward(self: Calling, x: Tensor) -> Tensor:
        self.register_buffer("last", x.mean(dim=0))
        return self.head(self.body(x))

    return with_body(forward)


def registers_a_hook() -> nn.Module:
    def forward(self: Calling, x: Tensor) -> Tensor:
        self.head.register_forward_hook(lambda layer, received, returned: None)
        return self.head(self.body(x))

    return with_body(forward)


def writes_to_the_environment() -> nn.Module:
    def forward(self: Calling, x: Tensor) -> Tensor:
        os.environ["EXAMPLES_SEEN"] = str(len(x) + int(os.environ.get("EXAMPLES_SEEN", 0)))
        return self.head(self.body(x))

    return with_body(forward)


def draws_what_it_does_not_use() -> nn.Module:
    def forward(self: Calling, x: Tensor) -> Tensor:
        torch.rand(1)
        np.random.random()
        random.random()
        return self.head(self.body(x))

    return with_body(forward)


def leaves_gradients_on() -> nn.Module:
    def forward(self: Calling, x: Tensor) -> Tensor:
        logits = self.head(self.body(x))
        torch.set_grad_enabled(True)
        return logits * 1

    return with_body(forward)


def works_in_place_and_changes_nothing() -> nn.Module:
    return Calling(lambda self, x: self.body(x.clamp_(-100, 100)), body=mlp())


def one_example_after_the_other() -> nn.Module:
    return Calling(lambda self, x: torch.cat([self.body(one[None]) for one in x]), body=mlp())


def sparse_table() -> nn.Module:
    """The gradient of the table has only the rows that were looked up."""
    return Calling(
        lambda self, x: self.head(torch.relu(self.embed((x.flatten(1) > 0).long()).flatten(1))),
        embed=nn.Embedding(7, 2, sparse=True),
        head=nn.Linear(72, CLASSES),
    )


def empty_parameter() -> nn.Module:
    network = mlp()
    network.register_parameter("nothing", nn.Parameter(torch.empty(0, 3)))
    return network


def probe_in_inference_mode() -> nn.Module:
    def forward(self: Calling, x: Tensor) -> Tensor:
        with torch.inference_mode():
            h = self.body(x)
        return self.head(h.clone())

    return with_body(forward)


def all_in_inference_mode() -> nn.Module:
    return with_body(torch.inference_mode()(lambda self, x: self.head(self.body(x))))


def probe_by_data() -> nn.Module:
    return with_body(lambda self, x: self.head(self.body(x).data))


def computed_by_numpy() -> nn.Module:
    """Torch has no derivative by the body."""
    return with_body(lambda self, x: self.head(torch.from_numpy(np.tanh(self.body(x).detach().numpy()))))


CALLS: tuple[Callable[[], nn.Module], ...] = (
    keeps_its_maps_in_a_list,
    registers_a_buffer,
    registers_a_hook,
    writes_to_the_environment,
    draws_what_it_does_not_use,
    leaves_gradients_on,
    works_in_place_and_changes_nothing,
    one_example_after_the_other,
    sparse_table,
    empty_parameter,
    probe_in_inference_mode,
    all_in_inference_mode,
    probe_by_data,
    computed_by_numpy,
)
