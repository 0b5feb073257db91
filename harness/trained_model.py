"""TrainedModel: all that a measure may look at, and nothing more.

No test data, no name of the condition, no outcome: a measure cannot see the answer. Shared quantities are computed
once per model, on first use, and read by every measure.
"""

import copy
import dataclasses
import functools
from collections.abc import Callable

import torch
from torch import Tensor, nn

from harness.history import History
from harness.layers import Layer, weight_layers
from harness.recipe import seeded_generator

CHUNK = 256  # examples a forward pass
FEW = 32  # examples on which a folded network is compared with the original


@dataclasses.dataclass(frozen=True, eq=False)
class TrainedModel:
    """A trained network with the data it was trained on, randomization included.

    - `model`: the network after training, in evaluation mode; `init`: the same before the first step.
    - `inputs` (n, channels, height, width) float32; `labels` (n,) int64: the training set exactly as trained on.
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
    retrain_function: Callable[[Tensor, Tensor, int], nn.Module] | None = None

    def generator(self) -> torch.Generator:
        """A fresh generator on the CPU, the same on every call and for both twins. Draw from this only."""
        return seeded_generator(self.seed, "measure")

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
        latest: list[Tensor] = []

        def note(module: nn.Module, arguments: tuple[Tensor, ...]) -> None:
            latest[:] = [arguments[0].detach()]

        hooks = [m.register_forward_pre_hook(note) for m in self.model.modules() if isinstance(m, nn.Linear)]
        features = []
        try:
            with torch.no_grad():
                for x in self.inputs.split(CHUNK):
                    self.model(x)
                    features += latest
        finally:
            for hook in hooks:
                hook.remove()
        return torch.cat(features)

    @functools.cached_property
    def layers(self) -> tuple[Layer, ...]:
        """The weight layers in the order of application, batch normalization folded in (harness/layers.py)."""
        return weight_layers(self.model, self.init, self.inputs[:FEW])

    def retrain(self, inputs: Tensor, labels: Tensor, reseed: int = 0) -> nn.Module:
        """The same network trained by the same recipe on other examples, in evaluation mode.

        `reseed` other than 0 gives another initialisation and another order of examples. A repeated call with
        equal arguments does not train again; every call returns a network of the caller's own.
        """
        if self.retrain_function is None:
            raise RuntimeError("this TrainedModel was made without a way to retrain; give it retrain_function")
        for (old_inputs, old_labels, old_reseed), network in self._retrained:
            if old_reseed == reseed and torch.equal(old_labels, labels) and torch.equal(old_inputs, inputs):
                return copy.deepcopy(network)
        network = self.retrain_function(inputs, labels, reseed)
        self._retrained.append(((inputs.clone(), labels.clone(), reseed), copy.deepcopy(network)))
        return network

    @functools.cached_property
    def _retrained(self) -> list[tuple[tuple[Tensor, Tensor, int], nn.Module]]:
        return []
