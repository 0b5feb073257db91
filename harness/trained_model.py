"""TrainedModel: all that a measure may look at, and nothing more.

No test data, no name of the condition, no outcome: a measure cannot see the answer. Shared quantities are computed
once per model, on first use, and read by every measure.
"""

import copy
import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.history import History, load_flat_state
from harness.layers import Layer, weight_layers
from harness.seeding import seeded_generator

CHUNK = 256  # examples a forward pass
FEW = 32  # examples on which a folded network is compared with the original
LARGEST_MAP = 4  # height and width to which larger feature maps are averaged


@dataclasses.dataclass(frozen=True, eq=False)
class TrainedModel:
    """A trained network with the data it was trained on, randomization included.

    - `model`: the network after training, in evaluation mode; `init`: the same before the first step.
    - `inputs` (n, channels, height, width) float32; `labels` (n,) int64: the training set exactly as trained on,
      before any augmentation. (In the same-data suite, the part of it that both twins share; `history` is of that.)
    - `num_classes`; `history`: harness/history.py.
    - `seed`: what `generator()` starts from; twins share it.
    - `retrain_function`: what `retrain` calls; None where there is nothing to train with.

    A measure leaves all of this, the gradients and the global random state as it found them.
    """

    model: nn.Module
    init: nn.Module
    inputs: Tensor
    labels: Tensor
    num_classes: int
    history: History
    seed: int = 0
    retrain_function: Callable[..., nn.Module] | None = None

    def generator(self) -> torch.Generator:
        """A fresh generator on the CPU, the same on every call and for both twins. Draw from this only."""
        return seeded_generator(self.seed, "measure")

    @functools.cached_property
    def shared(self) -> dict[Any, Any]:
        """What measures have computed of this model for each other (harness/shared.py)."""
        return {}

    @functools.cached_property
    def random_order(self) -> Tensor:
        """A random order of the examples, (n,) indices: they are ranked by their projection on one random direction,
        and the ranks shuffled.

        Take samples and pairs from its beginning. It is the same order of examples however they are stored, and the
        same for twins with equal inputs.
        """
        flat, generator = self.inputs.flatten(1).double(), seeded_generator(self.seed, "order")
        direction = torch.randn(flat.shape[1], generator=generator, dtype=torch.float64)
        ranked = torch.argsort(flat @ direction.to(flat.device), stable=True)
        return ranked[torch.randperm(len(flat), generator=generator).to(flat.device)]

    @functools.cached_property
    def snapshots(self) -> tuple[tuple[int, nn.Module], ...]:
        """(epoch, the network at its end) for the epochs of History.snapshot_epochs, in evaluation mode."""
        networks = []
        for epoch, state in zip(self.history.snapshot_epochs.tolist(), self.history.snapshots, strict=True):
            network = copy.deepcopy(self.init)
            load_flat_state(network, state.to(self.inputs.device))
            networks.append((epoch, network))
        return tuple(networks)

    @functools.cached_property
    def logits(self) -> Tensor:
        """Outputs on the training inputs, (n, num_classes), without gradient."""
        with torch.no_grad():
            return torch.cat([self.model(x) for x in self.inputs.split(CHUNK)])

    @functools.cached_property
    def margins(self) -> Tensor:
        """Logit of the label minus the largest other logit, (n,); positive where classified correctly."""
        label = self.logits.gather(1, self.labels[:, None])[:, 0]
        others = self.logits.scatter(1, self.labels[:, None], -torch.inf)
        return label - others.amax(dim=1)

    @functools.cached_property
    def features(self) -> Tensor:
        """What the linear layer applied last receives for each training example, (n, width), without gradient."""
        return received_by_layers(self.model, self.inputs, (nn.Linear,))[-1]

    @functools.cached_property
    def hidden_features(self) -> tuple[Tensor, ...]:
        """What each weight layer but the first receives, in order of application: (n, width) each, without gradient.

        So it is after the nonlinearity and pooling of the layer before; the last is `features`. Feature maps larger
        than 4x4 are averaged to that. For many examples take a part of them first: hidden_features_of.
        """
        return self.hidden_features_of(self.inputs)

    def hidden_features_of(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """`hidden_features` of other inputs, (m, width) each."""
        return received_by_layers(self.model, inputs, (nn.Linear, nn.Conv2d))[1:]

    @functools.cached_property
    def layers(self) -> tuple[Layer, ...]:
        """The weight layers in the order of application, batch normalization folded in (harness/layers.py)."""
        return weight_layers(self.model, self.init, self.inputs[:FEW])

    def retrain(self, inputs: Tensor, labels: Tensor, reseed: int = 0, max_epochs: int | None = None) -> nn.Module:
        """The same network trained by the same recipe on other examples, in evaluation mode.

        `reseed` other than 0 gives another initialisation and another order of examples; `max_epochs` stops training
        early, where the stopping loss does not come first. A stored model does not
        train again when asked with equal arguments, in this run or a later one (harness/store.py). Every call
        returns a network of the caller's own.
        """
        if self.retrain_function is None:
            raise RuntimeError("this TrainedModel was made without a way to retrain; give it retrain_function")
        budget = {} if max_epochs is None else {"max_epochs": max_epochs}
        return self.retrain_function(inputs, labels, reseed, **budget)


def received_by_layers(model: nn.Module, inputs: Tensor, kinds: tuple[type[nn.Module], ...]) -> tuple[Tensor, ...]:
    """What each application of a layer of these kinds receives, in order, (m, width) each; maps averaged to 4x4."""
    chunk: list[Tensor] = []

    def note(module: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        received = arguments[0].detach()
        if received.ndim == 4 and max(received.shape[2:]) > LARGEST_MAP:
            received = F.adaptive_avg_pool2d(received, LARGEST_MAP)
        chunk.append(received.flatten(1))

    hooks = [m.register_forward_pre_hook(note) for m in model.modules() if isinstance(m, kinds)]
    chunks = []
    try:
        with torch.no_grad():
            for x in inputs.split(CHUNK):
                chunk.clear()
                model(x)
                chunks.append([*chunk])
    finally:
        for hook in hooks:
            hook.remove()
    return tuple(torch.cat(pieces) for pieces in zip(*chunks, strict=True))
