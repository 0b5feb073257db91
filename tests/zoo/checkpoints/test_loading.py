"""What a user's loader returns is checked before it is measured; what is wrong is one sentence that names it."""

import dataclasses
import re
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from harness import Checkpoint, Pair
from harness.errors import HarnessError
from harness.zoo.checkpoints.doors import find_pairs
from harness.zoo.checkpoints.loading import architecture_of, contents_of, load_checkpoint, loaded
from harness.zoo.checkpoints.look import LookJob, look_job
from measures.history import History
from tests.builders.models import history_of, no_snapshots
from tests.builders.own_twins import CLASSES, EXAMPLES, load, pair


def raises() -> Checkpoint:
    raise FileNotFoundError("no such file: 3.pt")


def returns_none() -> None:
    return None


def leaves_float64() -> Checkpoint:
    torch.set_default_dtype(torch.float64)
    return load(0, False)


def poisoned(value: float, where: int = 0) -> nn.Module:
    network = nn.Linear(EXAMPLES, CLASSES)
    with torch.no_grad():
        network.weight[0, where] = value
    return network


class Mixing(nn.Linear):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return super().forward(inputs) - super().forward(inputs).mean(dim=0)


class Exploding(nn.Linear):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return super().forward(inputs).exp() * 1e38 * 1e38


def problem_of(given: Pair, settings: Any) -> str:
    listed = find_pairs([given])
    found = look_job(
        LookJob(*(listed.reference(0, side, 0) for side in ("natural", "randomized")), settings), lambda _: None
    )
    assert found.natural is None and found.randomized is not None  # the other one is looked at all the same
    (sentence,) = found.problems
    return sentence


class WithBuffer(nn.Linear):
    def __init__(self, buffer: torch.Tensor):
        super().__init__(EXAMPLES, CLASSES)
        self.register_buffer("mask", buffer)


class AlwaysTrained(nn.Linear):
    def train(self, mode: bool = True) -> nn.Module:
        raise RuntimeError("it has no evaluation mode")


class CopiedAsItself(nn.Linear):
    def __deepcopy__(self, memo: dict[int, Any]) -> nn.Module:
        return self


class Exits(nn.Linear):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        raise SystemExit(3)


class Sparse(nn.Linear):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return super().forward(inputs).to_sparse()


class WithoutReturn(nn.Linear):
    def train(self, mode: bool = True) -> None:
        super().train(mode)


class LeavesGradientsOn(nn.Linear):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        found = super().forward(inputs)
        torch.set_grad_enabled(True)
        return found * self.weight.mean().exp()


HISTORY = history_of(num_train=EXAMPLES)
EMPTY = History(
    torch.empty(0), torch.empty(0), torch.ones(0, EXAMPLES, dtype=torch.bool), torch.ones(10), *no_snapshots()
)


def snapshots_at(*epochs: int) -> dict[str, torch.Tensor]:
    return {"snapshot_epochs": torch.tensor(epochs), "snapshots": torch.ones(len(epochs), 100)}


@pytest.mark.parametrize(
    ("natural", "sentence"),
    [
        (raises, f"cannot be loaded: FileNotFoundError: no such file: 3.pt at {__file__}:"),
        (returns_none, "is loaded as a NoneType; expected a Checkpoint"),
        (leaves_float64, "changes torch's default dtype from torch.float32 to torch.float64; leave it as it is"),
        ({"model": {"weight": 1}}, "has a dict as its model; expected a torch.nn.Module; load it into its network"),
        ({"model": None}, "has a NoneType as its model; expected a torch.nn.Module"),
        ({"init": 3}, "has an int as its init; expected a torch.nn.Module"),
        ({"model": poisoned(float("nan"))}, "has numbers that are not finite in 'weight' of its model"),
        ({"init": poisoned(float("inf"))}, "has numbers that are not finite in 'weight' of its init"),
        (
            {"init": nn.Sequential(nn.Linear(EXAMPLES, 3), nn.Linear(3, CLASSES))},
            "has 2 parameters in its model and 4 in",
        ),
        (
            {"init": nn.Linear(EXAMPLES, CLASSES + 1)},
            f"has 'weight' of ({CLASSES}, {EXAMPLES}) in its model, and ({CLASSES + 1}, {EXAMPLES}) at that place in "
            "its init; its init is the same network before its first step, or left out",
        ),
        (
            {"init": nn.Linear(EXAMPLES, CLASSES).double()},
            "has a model of float32, and an init of float64; its init is",
        ),
        (
            {"model": nn.Sequential(nn.Linear(EXAMPLES, CLASSES), nn.Softmax(1))},
            "gives probabilities: every row of its",
        ),
        (
            {"model": nn.Sequential(nn.Linear(EXAMPLES, CLASSES), nn.Sigmoid())},
            "gives numbers between 0 and 1 alone, as after a sigmoid; give logits",
        ),
        (
            {"model": CopiedAsItself(EXAMPLES, CLASSES)},
            "is not copied by copy.deepcopy, which gives the same weights or",
        ),
        ({"model": Exits(EXAMPLES, CLASSES)}, f"cannot be measured: SystemExit: 3 at {__file__}:"),
        (
            {"model": Sparse(EXAMPLES, CLASSES)},
            "cannot be measured: the network does not run on its training inputs: C",
        ),
        ({"model": AlwaysTrained(EXAMPLES, CLASSES)}, "cannot be put into evaluation mode: RuntimeError: it has no ev"),
        ({"model": WithBuffer(torch.eye(2).to_sparse())}, "has a sparse tensor (torch.sparse_coo) as 'mask' of its mo"),
        ({"init": WithBuffer(torch.eye(2).to_sparse())}, "has a sparse tensor (torch.sparse_coo) as 'mask' of its"),
        (
            {"model": nn.Linear(3, 2, device="meta")},
            "has a tensor without numbers (on torch's meta device) as 'weight'",
        ),
        ({"inputs": torch.eye(EXAMPLES).to_sparse()}, "has a sparse tensor (torch.sparse_coo) as its inputs; expected"),
        ({"labels": torch.zeros(EXAMPLES, dtype=torch.int64, device="meta")}, "has a tensor without numbers (on torch"),
        ({"model": nn.Linear(EXAMPLES, CLASSES).bfloat16()}, "cannot be measured: parameter 'weight' is bfloat16"),
        ({"model": nn.LazyLinear(3)}, "has no shape yet for 'weight' of its model: it was never run"),
        ({"model": nn.Linear(EXAMPLES + 1, CLASSES)}, "cannot be measured: the network does not run on its training"),
        ({"model": nn.Linear(EXAMPLES, 2)}, "cannot be measured: the labels go up to 3; the network returns 2 logits"),
        ({"model": nn.Linear(EXAMPLES, CLASSES).half()}, "cannot be measured: parameter 'weight' is float16"),
        ({"model": Mixing(EXAMPLES, CLASSES)}, "cannot be measured: the network gives an example other outputs when"),
        ({"model": Exploding(EXAMPLES, CLASSES)}, "gives outputs that are not finite on its training set"),
        ({"inputs": [[1.0]]}, "has a list as its inputs; expected a tensor"),
        ({"inputs": torch.ones(EXAMPLES, EXAMPLES, dtype=torch.uint8)}, "has inputs of torch.uint8; expected"),
        ({"inputs": torch.full((EXAMPLES, EXAMPLES), torch.nan)}, "has inputs that are not finite"),
        ({"inputs": torch.eye(EXAMPLES)[1:]}, f"has inputs ({EXAMPLES - 1}, {EXAMPLES}) and labels ({EXAMPLES},);"),
        ({"labels": torch.rand(EXAMPLES)}, f"has labels of torch.float32 and shape ({EXAMPLES},); expected torch.int6"),
        ({"labels": torch.zeros(EXAMPLES, 4, dtype=torch.int64)}, f"has labels of torch.int64 and shape ({EXAMPLES}, "),
        ({"labels": torch.full((EXAMPLES,), -1)}, "has labels from -1; expected 0 to K - 1"),
        ({"labels": torch.empty(0).long(), "inputs": torch.empty(0, EXAMPLES)}, "has inputs (0, 24) and labels (0,)"),
        ({"history": {"train_loss": 1}}, "has a dict as its history; expected a measures.history.History, or None"),
        ({"history": history_of()}, f"has a history with correct (2, 4); expected (epochs, examples), (2, {EXAMPLES})"),
        (
            {"history": dataclasses.replace(HISTORY, train_error=torch.zeros(3))},
            "has a history with train_error (3,); expected (2,), as measures.history says",
        ),
        ({"history": dataclasses.replace(HISTORY, correct=HISTORY.correct.float())}, "has a history with correct of t"),
        (
            {"history": dataclasses.replace(HISTORY, train_loss=torch.full((2,), torch.nan))},
            "has numbers that are not finite in train_loss of its history",
        ),
        (
            {"history": dataclasses.replace(HISTORY, snapshot_epochs=torch.tensor([1]), snapshots=torch.ones(1, 7))},
            "has a history with snapshots (1, 7); expected (1, 100), as measures.history says",
        ),
        *(
            ({"history": dataclasses.replace(HISTORY, **changed)}, sentence)
            for changed, sentence in (
                (
                    {"train_loss": torch.tensor([1.0, -2.0])},
                    "has -2 in train_loss of its history; expected cross-entrop",
                ),
                (
                    {"train_error": torch.tensor([50.0, 0.0])},
                    "has 50 in train_error of its history; expected fractions",
                ),
                (
                    {"learning_rates": -HISTORY.learning_rates},
                    "has -0.1 in learning_rates of its history; expected rat",
                ),
                (
                    snapshots_at(1, 3),
                    "has 3 in snapshot_epochs of its history; expected epochs, from 1 to the last, wh",
                ),
                (snapshots_at(2, 2), "has the snapshot_epochs [2, 2] in its history; expected each once, ascending"),
            )
        ),
        ({"history": EMPTY}, "has a history of 0 epochs and 10 steps; expected 1"),
        ({"history": history_of(steps=0, num_train=EXAMPLES)}, "has a history of 2 epochs and 0 steps; expected 1 or"),
        ({"init": load(0, False).model}, "has trained weights in its init; keep copy.deepcopy(model) from before"),
        ({"test_error": 34.0}, "has the test error 34.0; expected a fraction misclassified, from 0 to 1"),
        ({"test_error": "5%"}, "has the test error '5%'; expected a fraction"),
    ],
)
def test_what_cannot_be_measured_is_one_sentence(natural: Any, sentence: str, settings: Any) -> None:
    given = (
        pair(0, natural=natural) if isinstance(natural, dict) else Pair("random_labels", natural, pair(0).randomized)
    )
    try:
        found = problem_of(given, settings)
    finally:
        torch.set_default_dtype(torch.float32)
    assert re.match(r"twins\[0\].natural " + re.escape(sentence), found), found
    assert "\n" not in found


@pytest.mark.parametrize(
    "model",
    [WithBuffer(torch.full((3, 3), -torch.inf).triu(1)), WithoutReturn(EXAMPLES, CLASSES), LeavesGradientsOn(24, 4)],
    ids=["a mask of infinities", "a train() that returns nothing", "gradients left on"],
)
def test_what_can_be_measured_is_looked_at(model: nn.Module, settings: Any) -> None:
    listed = find_pairs([pair(0, natural={"model": model})])
    job = LookJob(*(listed.reference(0, side, 0) for side in ("natural", "randomized")), settings)
    found = look_job(job, lambda _: None)
    assert found.problems == () and found.natural is not None
    assert torch.is_grad_enabled()


def test_it_is_put_into_evaluation_mode_and_draws_of_the_loader_are_its_own(settings: Any) -> None:
    def draws() -> Checkpoint:
        torch.manual_seed(3)
        network = nn.Sequential(nn.Dropout(), nn.Linear(EXAMPLES, CLASSES)).train()
        begun = nn.Sequential(nn.Dropout(), nn.Linear(EXAMPLES, CLASSES))
        return Checkpoint(**vars(load(0, False)) | {"model": network, "init": begun})

    state = torch.get_rng_state()
    found = loaded(find_pairs([Pair("gaussian", draws, draws)]).reference(0, "natural", 0))
    assert not any(module.training for module in found.model.modules())
    assert torch.equal(torch.get_rng_state(), state)


def test_what_a_loader_keeps_is_not_what_measures_are_given() -> None:
    kept = load(0, False)
    found = loaded(find_pairs([Pair("gaussian", lambda: kept, lambda: kept)]).reference(0, "natural", 0))
    assert found.model is not kept.model and found.model.weight.data_ptr() != kept.model.weight.data_ptr()
    assert found.inputs.data_ptr() != kept.inputs.data_ptr()
    assert contents_of(found) == contents_of(kept)


def test_one_that_is_another_when_it_is_loaded_again_is_refused() -> None:
    def differs() -> Checkpoint:
        return load(0, False, model=nn.Linear(EXAMPLES, CLASSES))  # drawn without a seed

    reference = find_pairs([Pair("random_labels", differs, differs)]).reference(0, "natural", 0)
    reference = dataclasses.replace(reference, contents=contents_of(differs()))
    torch.manual_seed(5)
    with pytest.raises(HarnessError, match=r"twins\[0\].natural is not what it was when it was first looked at"):
        load_checkpoint(reference, "cpu")


def test_contents_are_all_that_a_measure_can_see() -> None:
    found = load(0, False)
    changes: list[dict[str, Any]] = [
        {"model": nn.Linear(EXAMPLES, CLASSES)},
        {"init": found.model},
        {"inputs": found.inputs + 1},
        {"labels": found.labels.flip(0)},
        {"history": history_of(num_train=EXAMPLES)},
    ]
    digests = {contents_of(Checkpoint(**vars(found) | change)) for change in [{}, *changes]}
    assert len(digests) == 1 + len(changes)
    assert contents_of(load(0, False, test_error=np.float32(0.5))) == contents_of(found)


def test_networks_are_of_one_architecture_where_their_modules_and_shapes_are_equal() -> None:
    one, other = nn.Sequential(nn.Conv2d(1, 2, 3)), nn.Sequential(nn.Conv2d(1, 2, 3))
    assert architecture_of(one) == architecture_of(other)
    for changed in (nn.Conv2d(1, 3, 3), nn.Conv2d(1, 2, 3, stride=2), nn.Linear(1, 2)):
        assert architecture_of(nn.Sequential(changed)) != architecture_of(one)


def test_what_torchs_modules_are_constructed_with_is_part_of_an_architecture_and_what_a_user_hangs_on_them_is_not() -> (
    None
):
    def layer(**given: Any) -> nn.Module:
        return nn.TransformerEncoderLayer(8, 2, 16, **given)

    hung = layer()
    hung.epoch = 7  # type: ignore[assignment]
    assert architecture_of(hung) == architecture_of(layer())
    networks = [layer(), layer(norm_first=True), layer(activation="gelu"), nn.TransformerEncoderLayer(8, 4, 16)]
    networks += [nn.MultiheadAttention(8, 2), nn.MultiheadAttention(8, 4)]
    assert len({architecture_of(network) for network in networks}) == len(networks)
