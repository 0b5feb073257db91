"""A network that cannot be trained, stored or measured is one sentence, before anything is trained."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from harness.errors import HarnessError
from harness.settings import Settings
from harness.training.networks.building import build
from harness.zoo.contract import sees_no_positions
from harness.zoo.opening import find_zoo, tried

BODY = """
import numpy as np

class Odd(nn.Module):
    def __init__(self, features, classes):
        super().__init__()
        self.linear = nn.Linear(features, classes)
        {init}

    def forward(self, x):
        y = self.linear(x)
        {forward}

SHARED = Odd(6, 3)

@network
def odd(input_shape, num_classes):
    {build}

zoo = Zoo("mine", mine, {{odd: {how}, {more}}}, num_train=40)
"""
DEEPCOPY = "return y\n\n    def __deepcopy__(self, memo): return {}"
BUILD = "return Odd(*input_shape, num_classes)"


def problems(
    write: Callable[..., Path],
    settings: Settings,
    init="pass",
    forward="return y",
    build=BUILD,
    how="0.1",
    more_networks="",
) -> list[str]:
    body = BODY.format(init=init, forward=forward, build=build, how=how, more=more_networks)
    _, said, _ = tried(find_zoo(f"{write(after=body)}::zoo"), settings)
    assert all("\n" not in problem for problem in said)
    return said


def test_a_network_as_it_should_be_has_no_problem(write: Callable[..., Path], settings: Settings) -> None:
    assert problems(write, settings) == []


@pytest.mark.filterwarnings("ignore:Lazy modules")
@pytest.mark.parametrize(
    "fine",
    [
        {"init": "self.norm = nn.BatchNorm1d(3)", "forward": "return self.norm(y)"},
        {"init": "self.drop = nn.Dropout(0.5)", "forward": "return self.drop(y)"},
        {"init": "self.tied = self.linear", "forward": "return y + self.tied(x)"},
        {"init": "self.unused = nn.Linear(2, 2)"},
        {"forward": "return y + (0.1 * torch.randn_like(y) if self.training else 0)"},
        {"how": "adamw(0.01)"},
        {"init": "self.linear = nn.utils.parametrizations.weight_norm(self.linear)"},
        {"init": "self.linear = nn.utils.parametrizations.spectral_norm(self.linear)"},
        {"init": "self.linear = nn.utils.parametrizations.orthogonal(self.linear)"},
        {"init": "self.linear = nn.LazyLinear(classes); self.linear(torch.zeros(1, features))"},
        {"forward": "return y.log_softmax(1)"},
        {"forward": "return y.sigmoid() * 20 - 10"},
        {"forward": "return y.abs().clamp(0.1, 0.9)"},
    ],
    ids=str,
)
def test_what_is_uncommon_and_fine_has_none(
    fine: dict[str, str], write: Callable[..., Path], settings: Settings
) -> None:
    assert problems(write, settings, **fine) == []


@pytest.mark.filterwarnings(
    "ignore:Lazy modules", "ignore:`torch.nn.utils.weight_norm", "ignore::FutureWarning", "ignore:`torch.jit"
)
@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (
            {"forward": "return y, y"},
            r"gives a tuple of 2; expected its logits alone, a tensor \(batch, num_classes\)$",
        ),
        ({"forward": "return {'logits': y}"}, "gives a dict of 1; expected its logits alone"),
        (
            {"forward": "return y if self.training else (y, y)"},
            r"gives a tuple of 2; expected its logits alone, a tensor \(batch, num_classes\), in evaluation mode$",
        ),
        (
            {"forward": "return y if self.training else y / 0"},
            "gives 12 numbers that are not finite, before any training, in evaluation mode$",
        ),
        (
            {"forward": "return y.to(torch.complex64)"},
            "gives outputs of torch.complex64; expected a dense tensor of fl",
        ),
        ({"forward": "return y.to_sparse()"}, "gives sparse outputs; expected a dense tensor of float32$"),
        (
            {"forward": DEEPCOPY.format("self")},
            "is not copied by copy.deepcopy, which gives the same weights or no net",
        ),
        (
            {"forward": DEEPCOPY.format("None")},
            "is not copied by copy.deepcopy, which gives the same weights or no net",
        ),
        (
            {"build": "return torch.jit.script(Odd(6, 3))"},
            "cannot be sent to another process: .*; leave out torch.jit$",
        ),
        ({"how": "adamw(0.1, dropout=0.1)"}, "is trained with dropout 0.1, and its function has no parameter dropout"),
        ({"how": "adamw(0.1, random_crop=1)"}, r"is trained with random_crop, and inputs of \(6,\) are not images; le"),
        ({"forward": "return y.tolist()"}, "gives a list of 4; expected its logits alone"),
        ({"forward": "return y[:, :1]"}, r"gives \(4, 1\) for 4 examples of 3 classes; expected its logits"),
        ({"forward": "return y.argmax(1)"}, r"gives \(4,\) for 4 examples of 3 classes; expected its logits"),
        ({"forward": "return y.softmax(1)"}, r"gives probabilities: every row of its outputs sums to 1; give logits"),
        ({"forward": "return y.sigmoid()"}, r"gives numbers between 0 and 1 alone, as after a sigmoid; give logits"),
        (
            {"forward": "return y.sigmoid()[:, :, None].squeeze(2)"},
            "gives numbers between 0 and 1 alone, as after a sig",
        ),
        (
            {"init": "self.linear = nn.LazyLinear(classes)"},
            r"has no shape yet for 'linear.weight'; call it once in the function, network\(torch.zeros\(1, \*input",
        ),
        (
            {"init": "self.e = nn.Embedding(9, 3, sparse=True)", "forward": "return y + self.e((x[:, 0] > 0).long())"},
            "has sparse gradients, which not all optimizers and measures take; leave out sparse=True",
        ),
        (
            {"forward": "assert self.training; return y"},
            r"does not run in evaluation mode: AssertionError: AssertionError at /.*py:\d",
        ),
        ({"forward": "raise SystemExit(3)"}, r"does not run on a batch of 4 inputs of \(6,\): SystemExit: 3 at /.*py"),
        ({"build": "raise SystemExit(3)"}, r"cannot be built for inputs of \(6,\) and 3 classes: SystemExit: 3 at /"),
        (
            {"forward": "torch.set_default_dtype(torch.float64); return y"},
            "sets torch's default dtype to torch.float64, for all that comes after it; leave it",
        ),
        (
            {"forward": "torch.set_grad_enabled(False); return y"},
            "switches gradients off, for all that comes after it; leave torch.set_grad_enabled as it is",
        ),
        (
            {"init": "self.linear = nn.utils.weight_norm(self.linear)"},
            r"cannot be copied \(copy.deepcopy\): it has torch.nn.utils.weight_norm; use torch.nn.utils.param",
        ),
        (
            {"init": "self.linear = nn.utils.spectral_norm(self.linear)"},
            r"cannot be copied \(copy.deepcopy\): it has torch.nn.utils.spectral_norm; use torch.nn.utils.parametriz",
        ),
        (
            {"forward": "torch.set_default_device('meta'); return y"},
            "sets torch's default device to meta, for all that comes after it; leave it",
        ),
        ({"forward": "return y / 0"}, "gives 12 numbers that are not finite, before any training"),
        ({"forward": "return y.detach()"}, "gives outputs without a gradient; is there torch.no_grad"),
        ({"forward": "return (y * 0).sqrt() + y"}, "has gradients that are not finite, before any training"),
        ({"forward": "return self.linear(x.mul_(2))"}, "writes into its inputs, which are the training set"),
        (
            {"forward": "return y + torch.randn_like(y)"},
            "gives other outputs every time in evaluation mode; let it draw",
        ),
        (
            {"forward": "return y - y.mean(0)"},
            "cannot be measured after training: the network gives an example other out",
        ),
        (
            {"init": "self.n = nn.BatchNorm1d(3, track_running_stats=False)", "forward": "return self.n(y)"},
            "cannot be measured after training: layer 'n' gives an example other outputs when others are beside it",
        ),
        (
            {"forward": "raise KeyError('key')"},
            r"does not run on a batch of 4 inputs of \(6,\): KeyError: 'key' at /.*py:\d",
        ),
        (
            {"forward": "return self.linear(x.view(-1, 3))"},
            r"does not run on a batch of 4 inputs of \(6,\): RuntimeError: mat1",
        ),
        (
            {"init": "self.f = lambda x: x"},
            "cannot be sent to another process: Can't pickle .*; define its parts at the",
        ),
        (
            {"init": "import threading; self.lock = threading.Lock()"},
            r"cannot be copied \(copy.deepcopy\): cannot pickle",
        ),
        (
            {"init": "self.w = torch.randn(3)", "forward": "return y + self.w"},
            "is not determined by its state dict: it",
        ),
        ({"init": "self.double()"}, "has parameters that are not float32"),
        ({"init": "self.requires_grad_(False)"}, "has no parameters to train"),
        (
            {"init": "self.linear.weight.data = torch.from_numpy(np.random.randn(3, 6)).float()"},
            "does not draw its weight",
        ),
        (
            {"init": "nn.init.ones_(self.linear.weight), nn.init.zeros_(self.linear.bias)"},
            "starts from the same weights",
        ),
        (
            {"build": "torch.set_default_dtype(torch.float64); return Odd(6, 3)"},
            "sets torch's default dtype to torch.fl",
        ),
        ({"build": "return SHARED"}, "is the same object, or shares weights, whenever it is built; make a new one"),
        ({"build": "return Odd"}, "cannot be built for inputs of .*: odd gives a type; expected a torch"),
        ({"build": "return None"}, "cannot be built for inputs of .*: odd gives a NoneType; expected"),
        (
            {"build": "channels, height, width = input_shape"},
            r"cannot be built for inputs of \(6,\) and 3 classes: Value",
        ),
        (
            {"init": "self.n = nn.BatchNorm1d(3)", "forward": "return self.n(y)", "how": "adamw(0.01, batch_size=13)"},
            "cannot be trained on the one example of the last batch .*; change batch_size",
        ),
    ],
    ids=lambda value: "; ".join(value.values()) if isinstance(value, dict) else None,
)
def test_what_is_wrong_is_said(
    wrong: dict[str, str], sentence: str, write: Callable[..., Path], settings: Settings
) -> None:
    (problem,) = problems(write, settings, **wrong)
    assert re.match(f"network 'odd' {sentence}", problem), problem


@pytest.mark.parametrize("name", ["convnet", "inception_small", "resnet_small", "vit_small"])
def test_a_network_of_this_project_that_does_not_take_the_inputs_is_a_sentence(
    name: str, write: Callable[..., Path], settings: Settings
) -> None:
    (problem,) = problems(write, settings, more_networks=f"'{name}': 0.1")
    assert problem.startswith(f"network '{name}' cannot be built for inputs of (6,): inputs of (6,) are not images")


def test_what_a_forward_changes_of_torchs_defaults_is_put_back(write: Callable[..., Path], settings: Settings) -> None:
    for change in (
        "torch.set_default_dtype(torch.float64)",
        "torch.set_grad_enabled(False)",
        "torch.set_default_device('meta')",
    ):
        assert len(problems(write, settings, forward=f"{change}; return y")) == 1
        assert torch.get_default_device() == torch.device("cpu")
        assert torch.get_default_dtype() == torch.float32 and torch.is_grad_enabled()


def test_what_the_process_has_set_of_torchs_defaults_is_laid_to_no_network(
    write: Callable[..., Path], settings: Settings
) -> None:
    torch.set_default_dtype(torch.float64)
    try:
        with pytest.raises(
            HarnessError, match="this process, and no network of it, sets torch's default dtype to torch"
        ):
            problems(write, settings)
    finally:
        torch.set_default_dtype(torch.float32)


def test_trying_leaves_the_global_random_state_as_it_was(write: Callable[..., Path], settings: Settings) -> None:
    zoo = find_zoo(f"{write()}::zoo")
    state = torch.get_rng_state()
    assert tried(zoo, settings)[1] == []
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("name", "blind"),
    [("mlp_1x16", True), ("mlp_3x8", True), ("residual_mlp_2x8", True), ("convnet", False), ("vit_small", False)],
)
def test_whether_a_network_is_blind_to_positions_is_seen_by_what_it_does(name: str, blind: bool) -> None:
    inputs = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    assert sees_no_positions(build(name, (1, 8, 8), 10), inputs) == blind
