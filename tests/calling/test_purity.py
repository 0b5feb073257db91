"""A measure that changes what it was given, or what all share, is found out, whatever it was that it changed."""

import copy
import os
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from harness.calling.purity import Witness
from measures.once_per_model import once_per_model
from measures.trained_model import TrainedModel
from tests import ROOT
from tests.builders.models import random_network, trained_model


@pytest.fixture
def trained() -> TrainedModel:
    """A network with batch normalization, whose shared logits are there already."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 3)).eval()
    given = trained_model(model, torch.randn(8, 1, 6, 6), torch.arange(8) % 3)
    assert given.logits.shape == (8, 3)
    assert total(given) != 0
    return given


@once_per_model
def total(trained: TrainedModel) -> float:
    return float(trained.logits.abs().sum())


def changes_of(trained: TrainedModel, act: Callable[[TrainedModel], object]) -> list[str]:
    witness = Witness(trained)
    witness.look()
    act(trained)
    return witness.changes()


def set_entry(trained: TrainedModel, name: str, value: object) -> None:
    trained.__dict__[name] = value


def replace_shared(trained: TrainedModel) -> None:
    trained.shared[next(iter(trained.shared))] = 7.0


def add_odd_key(trained: TrainedModel) -> None:
    trained.shared["mine"] = torch.ones(2)


FOUND: dict[str, tuple[Callable[[TrainedModel], object], str]] = {
    "an attribute of a layer": (lambda t: setattr(t.model[1], "eps", 1.0), "it changed the attribute eps of model.1"),
    "a tuple": (lambda t: setattr(t.model[0], "padding", (1, 1)), "it changed the attribute padding of model.0"),
    "a new attribute": (lambda t: setattr(t.init[4], "note", "mine"), "it changed the attribute note of init.4"),
    "a module": (lambda t: t.model.__setitem__(2, nn.Tanh()), "it changed the module model.2"),
    "one module more": (lambda t: t.model.append(nn.ReLU()), "it changed the modules of the network"),
    "forward": (lambda t: setattr(t.model, "forward", lambda x: x), "it changed the attribute forward of model"),
    "an entry": (lambda t: set_entry(t, "logits", t.logits.clone()), "it changed the entry logits"),
    "a shared quantity": (replace_shared, "it changed the shared total of tests.calling.test_purity"),
    "a weight": (lambda t: t.model[4].weight.data.add_(1), "it changed model's 4.weight"),
    "a buffer": (lambda t: t.model[1].running_mean.add_(1), "it changed model's 1.running_mean"),
    "inputs": (lambda t: t.inputs.mul_(2), "it changed the inputs"),
    "labels": (lambda t: t.labels.fill_(0), "it changed the labels"),
    "history": (lambda t: t.history.train_loss.zero_(), "it changed the history's train_loss"),
    "shared logits": (lambda t: t.logits.zero_(), "it changed the shared logits"),
    "training mode": (lambda t: t.model.train(), "it changed the training mode of model"),
    "a hook": (lambda t: t.model[2].register_forward_hook(print), "it changed the hooks of model.2"),
    "a gradient": (lambda t: t.model(t.inputs).sum().backward(), "it changed the gradient of model's 0.weight"),
    "requires_grad": (lambda t: t.model[0].requires_grad_(False), "it changed requires_grad of model's 0.weight"),
    "of the inputs": (lambda t: t.inputs.requires_grad_(), "it changed requires_grad of the inputs"),
}


@pytest.mark.parametrize("what", FOUND)
def test_a_change_of_what_was_given_is_found(what: str, trained: TrainedModel) -> None:
    act, sentence = FOUND[what]
    assert sentence in changes_of(trained, act)


GLOBAL: dict[str, tuple[Callable[[], object], str]] = {
    "torch's generator": (lambda: torch.rand(1), "torch's global random state"),
    "numpy's generator": (lambda: np.random.rand(), "numpy's global random state"),
    "gradients": (lambda: torch.set_grad_enabled(False), "whether gradients are enabled"),
    "default dtype": (lambda: torch.set_default_dtype(torch.float64), "torch's default dtype"),
    "deterministic": (
        lambda: torch.use_deterministic_algorithms(True),
        "whether torch's algorithms are deterministic",
    ),
    "errors": (lambda: np.seterr(all="raise"), "numpy's handling of errors"),
    "folder": (lambda: os.chdir("/"), "the working folder"),
    "environment": (lambda: os.environ.__setitem__("RED", "1"), "the environment"),
}


@pytest.mark.parametrize("what", GLOBAL)
def test_a_change_of_what_all_share_is_found_and_put_back(what: str, trained: TrainedModel) -> None:
    act, name = GLOBAL[what]
    witness = Witness(trained)
    witness.look()
    act()
    assert f"it changed {name}" in witness.changes()
    witness.look()
    assert witness.changes() == []


@pytest.mark.slow
def test_a_measure_is_not_blamed_for_what_torch_imports() -> None:
    """In a process of its own, where torch's compiler has not been imported yet: an optimizer imports it."""
    script = """if True:
        import sys, torch
        from harness.calling.purity import Witness
        from tests.builders.models import random_network
        trained = random_network("mlp_1x8", 0)
        witness = Witness(trained)
        witness.look()
        torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.1)
        print(witness.changes())
    """
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert run.stdout == "[]\n", run


def test_inference_mode_that_is_left_on_is_found(trained: TrainedModel) -> None:
    witness = Witness(trained)
    witness.look()
    with torch.inference_mode():
        assert "it changed inference mode" in witness.changes()


PATCHES = [(nn.Linear, "forward"), (torch.Tensor, "sum"), (torch, "relu"), (nn.functional, "cross_entropy")]


@pytest.mark.parametrize(("place", "name"), PATCHES)
def test_a_patched_function_is_found(
    place: object, name: str, trained: TrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = changes_of(trained, lambda t: monkeypatch.setattr(place, name, lambda *given, **named: None))
    monkeypatch.undo()
    assert [text for text in found if text.endswith(f".{name}")], found


def test_what_is_only_read_is_no_change(trained: TrainedModel) -> None:
    def read(t: TrainedModel) -> None:
        assert t.margins.shape == (8,)
        assert len(t.layers) == 2
        with torch.no_grad():
            copy.deepcopy(t.model).train()(t.inputs)
        list(t.model(t.inputs).sum().unsqueeze(0).unbind())
        torch.rand(3, generator=t.generator())

    assert changes_of(trained, read) == []


def test_an_import_is_no_patch(trained: TrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "imported_later", object(), raising=False)
    assert changes_of(trained, lambda t: monkeypatch.setattr(torch, "imported_too", object(), raising=False)) == []


def test_a_key_that_a_measure_has_made_up_is_named_as_it_is(trained: TrainedModel) -> None:
    witness = Witness(trained)
    witness.look()
    add_odd_key(trained)
    assert witness.changes() == []  # it is nobody's, and nobody reads it
    witness.look()
    trained.shared["mine"].zero_()
    assert witness.changes() == ["it changed the shared 'mine'"]


def test_each_change_is_held_against_one_measure_only() -> None:
    trained = random_network("mlp_1x8", 0)
    witness = Witness(trained)
    witness.look()
    trained.model.train()
    assert witness.changes() != []
    witness.look()
    assert witness.changes() == []
