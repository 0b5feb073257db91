"""TrainedModel: all that a measure may look at, and nothing more.

No test data, no name of the condition, no outcome: a measure cannot see the answer. Shared quantities are computed
once per model, on first use, and read by every measure.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from measures.absent import Lacking, absent, as_given
from measures.equal_inputs import equal_by_label
from measures.errors import NotApplicable
from measures.fixed_modes import under_fixed_modes
from measures.history import History, flat_state, load_flat_state
from measures.layer_inputs import CHUNK as CHUNK
from measures.layer_inputs import check_last, received_by_layers, with_layers_seen
from measures.layers import Layer
from measures.networks.copying import copy_of
from measures.networks.network_check import checked
from measures.seeding import seeded_generator
from measures.weight_layers import weight_layers

FEW = 32  # examples on which a folded network is compared with the original
NO_INIT = "these networks came without their initial weights, which it needs"
NO_HISTORY = "these networks came without the history of their training, which it needs"
NO_RETRAINING = "these networks came without a way to train them again (retrain_function), which it needs"


@dataclasses.dataclass(frozen=True, eq=False)
class TrainedModel:
    """A trained network with the data it was trained on, randomization included.

    - `model`: the network after training, in evaluation mode; `init`: the same before the first step. They are those
      given, unless these do not run as measures take for granted: then they are a PlainNetwork or a RefusedNetwork
      around what was given (measures/networks/network_check.py).
    - `inputs` (n, ...) float32, of images (n, channels, height, width); `labels` (n,) int64: the training set exactly
      as trained on, before any augmentation. (In the same-data suite, the part of it that both twins share; `history`
      is of that.)
    - `num_classes`: how many logits the network has, K below.
    - `history`: losses, errors and learning rates while training (measures/history.py).
      Networks that were trained elsewhere may come without `init` or `history` (None): reading what is missing raises
      NotApplicable.
    - `seed`: what `generator()` starts from; twins share it.
    - `retrain_function`: what `retrain` calls; None where there is nothing to train with.

    A measure leaves all of this, the gradients and the global random state as it found them. The examples below are
    of this model:

    >>> import copy, torch
    >>> from torch import nn
    >>> from measures import TrainedModel
    >>> from measures.history import History
    >>> network = nn.Sequential(
    ...     nn.Flatten(), nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 2, bias=False)
    ... ).eval()
    >>> init = copy.deepcopy(network)
    >>> with torch.no_grad():
    ...     for start, weight in zip(init.parameters(), network.parameters(), strict=True):
    ...         _ = start.zero_(), weight.copy_(torch.eye(2))
    >>> history = History(
    ...     train_loss=torch.tensor([0.7, 0.1]),
    ...     train_error=torch.tensor([0.25, 0.0]),
    ...     correct=torch.tensor([[True, True, True, False], [True, True, True, True]]),
    ...     learning_rates=torch.full((2,), 0.1),
    ...     snapshot_epochs=torch.tensor([1]),
    ...     snapshots=torch.full((1, 8), 0.5),
    ... )
    >>> trained = TrainedModel(
    ...     model=network,
    ...     init=init,
    ...     inputs=torch.tensor([[3.0, 1.0], [1.0, 2.0], [5.0, 0.0], [0.0, 4.0]]).view(4, 1, 1, 2),
    ...     labels=torch.tensor([0, 1, 0, 1]),
    ...     num_classes=2,
    ...     history=history,
    ...     retrain_function=lambda inputs, labels, reseed, **budget: copy.deepcopy(network),
    ... )
    """

    model: nn.Module
    init: nn.Module
    inputs: Tensor
    labels: Tensor
    num_classes: int
    history: History
    seed: int = 0
    retrain_function: Callable[..., nn.Module] | None = None

    def __post_init__(self) -> None:
        given = {role: vars(self)[role] for role in ("model", "init") if vars(self)[role] is not None}
        networks = checked(tuple(given.values()), self.inputs, self.labels)
        for role, network in zip(given, networks, strict=True):
            object.__setattr__(self, role, network)

    __repr__ = as_given

    if not TYPE_CHECKING:  # for a type checker, there are no other attributes

        def __getattr__(self, name: str) -> object:
            if not name.startswith("_") and hasattr(type(self), name):
                return getattr(type(self), name).__get__(self)  # a property that raised AttributeError raises it again
            raise absent(self, name)

    def generator(self) -> torch.Generator:
        """A fresh generator on the CPU, the same on every call and for both twins. Draw from this only.

        >>> one, other = (torch.rand(3, generator=trained.generator()) for _ in range(2))
        >>> torch.equal(one, other)
        True
        """
        return seeded_generator(self.seed, "measure")

    @functools.cached_property
    def shared(self) -> dict[Any, Any]:
        """What measures have computed of this model for each other, by function and arguments.

        Written and read by measures/once_per_model.py; a measure does not touch it.

        >>> from measures import once_per_model
        >>> @once_per_model
        ... def largest_logit(trained):
        ...     return float(trained.logits.max())
        >>> largest_logit(trained)
        5.0
        >>> list(trained.shared.values())
        [5.0]
        """
        return {}

    @functools.cached_property
    @under_fixed_modes
    def random_order(self) -> Tensor:
        """A random order of the examples, (n,) indices: they are ranked by their projection on one random direction,
        equal ones by their labels, and the ranks shuffled.

        Take samples and pairs from its beginning. It is the same order of examples however they are stored, and the
        same inputs in that order for twins with equal inputs.

        >>> sorted(trained.random_order.tolist())
        [0, 1, 2, 3]
        """
        flat, generator = self.inputs.flatten(1).double(), seeded_generator(self.seed, "order")
        direction = torch.randn(flat.shape[1], generator=generator, dtype=torch.float64)
        projected = flat @ direction.to(flat.device)
        ranked = equal_by_label(flat, self.labels, projected, torch.argsort(projected, stable=True))
        return ranked[torch.randperm(len(flat), generator=generator).to(flat.device)]

    def sample(self, count: int) -> tuple[Tensor, Tensor]:
        """Inputs (m, ...) and labels (m,) of the first `count` examples of `random_order`.

        m is `count`, or n where there are fewer examples. Samples are nested: the smaller begins the larger.

        >>> inputs, labels = trained.sample(3)
        >>> inputs.shape, labels.shape
        (torch.Size([3, 1, 1, 2]), torch.Size([3]))
        >>> torch.equal(labels, trained.labels[trained.random_order[:3]])
        True
        """
        chosen = self.random_order[:count]
        return self.inputs[chosen], self.labels[chosen]

    @functools.cached_property
    @under_fixed_modes
    def snapshots(self) -> tuple[tuple[int, nn.Module], ...]:
        """(epoch, the network at its end) for the epochs of History.snapshot_epochs, in evaluation mode.

        >>> ((epoch, early),) = trained.snapshots
        >>> epoch, float(early[1].weight.detach().max())
        (1, 0.5)
        """
        networks, size = [], self.history.snapshots.shape[1]
        there = [network for network in (vars(self)["init"], self.model) if network is not None]
        alike = [network for network in there if len(flat_state(network)) == size]
        if not alike and len(self.history.snapshots):
            raise NotApplicable(
                f"the networks kept early in training have {size} numbers each, and this one has others"
            )
        for epoch, state in zip(self.history.snapshot_epochs.tolist(), self.history.snapshots, strict=True):
            if beyond := int((~state.isfinite()).sum()):
                raise NotApplicable(
                    f"of the network at the end of epoch {epoch}, {beyond} of {size} numbers are not finite: training "
                    "diverged, or they are too large for the float16 that they are kept in"
                )
            network = copy_of(alike[0])
            load_flat_state(network, state.to(self.inputs.device))
            networks.append((epoch, network))
        return tuple(networks)

    @functools.cached_property
    @under_fixed_modes
    def logits(self) -> Tensor:
        """Outputs on the training inputs, (n, num_classes), without gradient.

        >>> trained.logits.tolist()
        [[3.0, 1.0], [1.0, 2.0], [5.0, 0.0], [0.0, 4.0]]
        """
        with torch.no_grad():
            return torch.cat([self.model(x) for x in self.inputs.split(CHUNK)])

    @functools.cached_property
    @under_fixed_modes
    def margins(self) -> Tensor:
        """Logit of the label minus the largest other logit, (n,); positive where classified correctly.

        >>> trained.margins.tolist()
        [2.0, 1.0, 5.0, 4.0]
        """
        return margins_of(self.logits, self.labels)

    @functools.cached_property
    @under_fixed_modes
    def features(self) -> Tensor:
        """What the linear layer applied last receives for each training example, (n, width), without gradient.

        In a network that applies none: what the convolution applied last receives, each channel averaged over its
        positions. If it is a 1x1 convolution before an average over positions, the logits are its weights times that.
        Raises NotApplicable where the network applies neither, or multiplies by a matrix of no layer after them.

        >>> trained.features.tolist()
        [[3.0, 1.0], [1.0, 2.0], [5.0, 0.0], [0.0, 4.0]]
        """
        check_last(self.model, (nn.Linear, nn.Conv2d), self.inputs)
        linear = received_by_layers(self.model, self.inputs, (nn.Linear,))
        received = linear or received_by_layers(self.model, self.inputs, (nn.Conv2d,), largest_map=1)
        if not received:
            raise NotApplicable("the network applies no Linear and no Conv2d layer: there are no features")
        return received[-1]

    @functools.cached_property
    @under_fixed_modes
    def hidden_features(self) -> tuple[Tensor, ...]:
        """What each weight layer but the first receives, in order of application: (n, width) each, without gradient.

        So it is after the nonlinearity and pooling of the layer before; the last is `features` if that is a linear
        layer's. Feature maps larger than 4x4 are averaged to that; an example's vectors (tokens, rows) follow one
        another. For many examples take a part of them first: hidden_features_of. Raises NotApplicable where an example
        meets weights of other kinds, which would be passed over.

        >>> [tuple(features.shape) for features in trained.hidden_features]
        [(4, 2)]
        """
        return self.hidden_features_of(self.inputs)

    def hidden_features_of(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """`hidden_features` of other `inputs` (m, ...): (m, width) each.

        >>> (features,) = trained.hidden_features_of(-trained.inputs[:1])
        >>> features.abs().tolist()
        [[0.0, 0.0]]
        """
        return received_by_layers(with_layers_seen(self.model, inputs), inputs, (nn.Linear, nn.Conv2d))[1:]

    @functools.cached_property
    @under_fixed_modes
    def layers(self) -> tuple[Layer, ...]:
        """The weight layers in the order of application, batch normalization folded in (measures/weight_layers.py).

        A Conv1d is written as a Conv2d of images of one row. Raises NotApplicable where a layer with weights is neither
        of these nor Linear nor self-attention, is not linear in what it receives or is applied twice, and where a batch
        normalization cannot be folded.

        >>> [(layer.name, layer.operator_norm) for layer in trained.layers]
        [('1', 1.0), ('3', 1.0)]
        """
        if layers := weight_layers(self.model, vars(self)["init"], self.inputs[:FEW]):
            return layers
        raise NotApplicable("the network applies no Linear and no Conv2d layer")

    def retrain(self, inputs: Tensor, labels: Tensor, reseed: int = 0, max_epochs: int | None = None) -> nn.Module:
        """The same network trained by the same recipe on other examples, in evaluation mode.

        - `inputs` (m, ...) and `labels` (m,): what to train on.
        - `reseed`: other than 0, it gives another initialisation and another order of examples.
        - `max_epochs`: stops training early, where the stopping loss does not come first.

        A stored model does not train again when asked with equal arguments, in this run or a later one. Every call
        returns a new network. Raises NotApplicable where there is no `retrain_function`.

        >>> network = trained.retrain(*trained.sample(3), reseed=1)
        >>> network.training, network is trained.model
        (False, False)
        """
        if self.retrain_function is None:
            raise NotApplicable(NO_RETRAINING)
        budget = {} if max_epochs is None else {"max_epochs": max_epochs}
        (network,) = checked((self.retrain_function(inputs, labels, reseed, **budget),), self.inputs, self.labels)
        return network


setattr(TrainedModel, "init", Lacking("init", NO_INIT))  # noqa: B010  (for a type checker they stay what they are)
setattr(TrainedModel, "history", Lacking("history", NO_HISTORY))  # noqa: B010


def margins_of(logits: Tensor, labels: Tensor) -> Tensor:
    """Logit of the label minus the largest other, (m,), differentiable; of logits (m, num_classes), labels (m,)."""
    if logits.shape[1] < 2:
        raise NotApplicable("the network has one logit: there is no other to compare that of the label with")
    label = logits.gather(1, labels[:, None])[:, 0]
    return label - logits.scatter(1, labels[:, None], -torch.inf).amax(dim=1)
