"""Training in bfloat16: faster where a machine has it, float32 in all that is kept, and the same verdicts."""

import copy
import dataclasses
from pathlib import Path

import pytest
import torch
from torch import nn

import harness.training.train
from harness.evaluation.measure_lookup import find_measures
from harness.judging import run
from harness.judging.plan import Plan
from harness.judging.results import Results
from harness.judging.verdict import Verdict
from harness.settings import Settings
from harness.store.store import Store
from harness.training.networks.building import build
from harness.training.precision import accelerated, fastest, forward
from harness.training.recipe import Recipe
from harness.training.stopping import TOLERANCE, loss_and_correct
from harness.training.train import train
from harness.zoo.zoo import Zoo, twins

NAMES = ("mlp_1x32", "convnet_bn", "alexnet_small", "inception_small")
IMAGES = torch.randn(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))
CONVNET = Recipe(
    data_set="digits",
    network="convnet_bn",
    learning_rate=0.06,
    seed=0,
    num_train=100,
    batch_size=50,
    precision="bfloat16",
)


def network(name: str) -> nn.Module:
    return build(name, (1, 8, 8), 10)


# A forward pass


@pytest.mark.parametrize("name", NAMES)
def test_in_float32_it_is_the_model_itself(name: str) -> None:
    model = network(name).eval()
    assert accelerated(model, "float32") is model
    assert torch.equal(forward(model, IMAGES, "float32"), model(IMAGES))
    assert all(parameter.is_contiguous() for parameter in model.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_in_bfloat16_outputs_are_those_of_float32_to_a_few_hundredths_and_of_that_type(name: str) -> None:
    model = network(name).eval()
    exact = forward(model, IMAGES, "float32")
    rough = forward(accelerated(copy.deepcopy(model), "bfloat16"), IMAGES, "bfloat16")
    assert rough.dtype == torch.float32
    assert 1e-4 < (rough - exact).norm() / exact.norm() < 0.05
    assert torch.equal(rough, rough.bfloat16().float())  # that is what they were computed in


@pytest.mark.parametrize("name", NAMES)
def test_weights_and_gradients_stay_float32(name: str) -> None:
    model = accelerated(network(name), "bfloat16")
    forward(model, IMAGES, "bfloat16").square().sum().backward()
    for parameter in model.parameters():
        assert parameter.dtype == torch.float32
        assert parameter.grad is not None and parameter.grad.dtype == torch.float32
    for buffer in model.buffers():
        assert buffer.dtype in (torch.float32, torch.int64)


def test_images_meet_convolutions_in_channels_last_order_and_go_to_an_mlp_as_they_are() -> None:
    seen: list[torch.Tensor] = []
    for name in ("convnet", "mlp_1x32"):
        model = accelerated(build(name, (3, 8, 8), 10), "bfloat16")
        model.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
        images = torch.randn(2, 3, 8, 8)
        forward(model, images, "bfloat16")
        assert torch.equal(seen[-1], images)
        assert seen[-1].is_contiguous(memory_format=torch.channels_last) == (name == "convnet")
    weight = accelerated(build("convnet", (3, 8, 8), 10), "bfloat16").get_parameter("3.weight")
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert not torch.is_autocast_enabled("cpu")


# Training


def test_a_network_trained_in_bfloat16_is_kept_in_float32_and_in_contiguous_order(tmp_path: Path) -> None:
    recipe = dataclasses.replace(CONVNET, max_epochs=4)
    result, outcome, data = train(recipe, tmp_path)
    for trained in (result.model, result.init):
        for tensor in trained.state_dict().values():
            assert tensor.is_contiguous()
            assert tensor.dtype in (torch.float32, torch.int64)
    loss, _ = loss_and_correct(result.model, data.train_inputs, data.train_labels)
    assert outcome.train_loss == pytest.approx(loss, rel=1e-6)  # it was measured in channels-last order
    store = Store(tmp_path)
    store.publish(recipe, result, outcome, data)
    loaded = store.load(recipe, tmp_path)
    with torch.no_grad():
        assert torch.equal(loaded.model(data.test_inputs), result.model(data.test_inputs))


def test_it_starts_where_float32_does_and_goes_nearly_the_same_way(tmp_path: Path) -> None:
    recipes = [dataclasses.replace(CONVNET, max_epochs=2, precision=each) for each in ("float32", "bfloat16")]
    (exact, _, _), (rough, _, _) = (train(recipe, tmp_path) for recipe in recipes)
    for ours, theirs in zip(rough.init.parameters(), exact.init.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    moved = torch.cat(
        [(a - b).flatten() for a, b in zip(exact.model.parameters(), exact.init.parameters(), strict=True)]
    )
    apart = torch.cat(
        [(a - b).flatten() for a, b in zip(exact.model.parameters(), rough.model.parameters(), strict=True)]
    )
    assert 0 < apart.norm() < 0.2 * moved.norm()


@pytest.mark.parametrize("condition", ["true_labels", "random_labels"])
def test_it_stops_at_the_same_loss_measured_in_float32(condition, tmp_path: Path) -> None:
    _, outcome, _ = train(dataclasses.replace(CONVNET, condition=condition), tmp_path)
    assert outcome.fitted
    assert outcome.train_loss is not None
    assert 0.01 * (1 - TOLERANCE) <= outcome.train_loss <= 0.01


def test_it_is_the_same_bit_for_bit_when_trained_again(tmp_path: Path) -> None:
    recipe = dataclasses.replace(CONVNET, max_epochs=3)
    (first, _, _), (again, _, _) = (train(recipe, tmp_path) for _ in range(2))
    for ours, theirs in zip(first.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


# Test errors watched, in the precision of training


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_training_to_the_end_notes_the_test_error_after_every_epoch(precision, tmp_path: Path) -> None:
    recipe = dataclasses.replace(CONVNET, stop_loss=0, max_epochs=6, precision=precision, learning_rate=0.01)
    result, outcome, data = train(recipe, tmp_path)
    assert (outcome.epochs, outcome.steps, outcome.fitted) == (6, 12, False)
    for epochs in (1, 4):
        shorter, _, _ = train(dataclasses.replace(recipe, max_epochs=epochs), tmp_path)
        assert torch.equal(shorter.test_errors, result.test_errors[:epochs])
        logits = forward(accelerated(shorter.model, precision), data.test_inputs, precision)
        wrong = (logits.argmax(dim=1) != data.test_labels).double().mean()
        assert shorter.test_errors[-1].item() == pytest.approx(wrong.item(), abs=0.003)
    assert result.test_errors[0] > result.test_errors[-1] + 0.1
    assert result.test_errors[-1].item() == pytest.approx(outcome.test_error, abs=0.01)


def test_watching_changes_nothing_of_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = dataclasses.replace(CONVNET, stop_loss=0, max_epochs=3, dropout=0.5, precision="float32")
    watched, _, _ = train(recipe, tmp_path)
    monkeypatch.setattr(harness.training.train, "watched_error", lambda *arguments: 0.0)
    unwatched, _, _ = train(recipe, tmp_path)
    for ours, theirs in zip(watched.model.parameters(), unwatched.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_training_that_stops_at_a_loss_watches_nothing(tmp_path: Path) -> None:
    result, _, _ = train(dataclasses.replace(CONVNET, max_epochs=2), tmp_path)
    assert len(result.test_errors) == 0


def test_the_store_keeps_the_watched_errors_and_shows_them_to_no_measure(tmp_path: Path) -> None:
    recipe, store = dataclasses.replace(CONVNET, stop_loss=0, max_epochs=3), Store(tmp_path)
    result, outcome, data = train(recipe, tmp_path)
    store.publish(recipe, result, outcome, data)
    history, errors = store.progress(recipe)
    assert torch.equal(errors, result.test_errors)
    assert torch.equal(history.train_loss, result.history.train_loss)
    assert store.load(recipe, tmp_path).history.epochs == 3
    stopped = dataclasses.replace(recipe, stop_loss=0.01)
    store.publish(stopped, *train(stopped, tmp_path))
    assert len(store.progress(stopped)[1]) == 0


# Which precision a machine is fastest in


@pytest.mark.parametrize("avx512", [True, False])
@pytest.mark.parametrize("amx", [True, False])
def test_a_processor_is_fastest_in_bfloat16_if_it_multiplies_it(avx512, amx, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cpu._is_avx512_bf16_supported", lambda: avx512, raising=False)
    monkeypatch.setattr("torch.cpu._is_amx_tile_supported", lambda: amx, raising=False)
    assert fastest("cpu") == ("bfloat16" if avx512 or amx else "float32")


def test_where_torch_cannot_be_asked_it_is_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.delattr(f"torch.cpu.{name}", raising=False)
    assert fastest("cpu") == "float32"
    assert fastest("mps") == "float32"


def test_this_processor_has_an_answer() -> None:
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    if not flags:
        pytest.skip("there is no /proc/cpuinfo to compare with")
    if "avx512_bf16" in flags or "amx_tile" in flags:
        assert fastest("cpu") == "bfloat16"
    else:
        assert fastest("cpu") == "float32"


@pytest.mark.parametrize("supported", [True, False])
def test_a_gpu_is_asked_for_bfloat16_of_its_own(supported: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda including_emulation: supported or including_emulation)
    assert fastest("cuda") == fastest("cuda:1") == ("bfloat16" if supported else "float32")


# The verdicts


MEASURES = (
    "l2_norm", "path_norm", "spectral_norm", "distance_from_init", "jacobian_norm_train", "margin_median",
    "gradient_coherence", "knn_disagreement", "epochs_to_stop", "logit_norm", "negative_entropy", "inverse_margin",
    "stable_rank_mean", "constant", "parameter_count", "coin_flip",
)  # fmt: skip


def verdicts(precision: str, rates: dict[str, float], settings: Settings) -> tuple[list[Verdict], Results]:
    zoo = Zoo(f"in-{precision}", "digits", rates, seeds_per_network=1, num_train=100, training={"precision": precision})
    measures, work = find_measures(MEASURES), run.Work(settings, progress=False)
    plan = Plan(zoo=zoo, gate={"random_labels": measures})
    results = run.measure(plan, run.train(plan, Results(zoo), work), work)
    assert not results.unfitted("random_labels")
    return [results.verdict(judged, "random_labels") for judged in measures], results


@pytest.mark.slow
def test_the_gates_verdicts_on_mlps_do_not_depend_on_the_precision_of_training(settings: Settings) -> None:
    exact, rough = in_both_precisions({f"mlp_1x{width}": 0.3 for width in range(60, 110, 5)}, settings)
    assert {verdict.measure: verdict.status for verdict in rough} == {
        verdict.measure: verdict.status for verdict in exact
    }


@pytest.mark.slow
@pytest.mark.long
def test_with_convnets_a_verdict_differs_by_one_unit_at_most_between_precisions(settings: Settings) -> None:
    """A convnet without normalization is another one after rounding: the norm of its logits 28.8 in float32, and 21.8
    or 24.3 in bfloat16 on two processors. Of 10 units, one decides between "inverted" and "overlaps"."""
    rates = {"convnet_bn": 0.06, "convnet": 0.06, **{f"mlp_1x{width}": 0.3 for width in range(60, 100, 5)}}
    for ours, theirs in zip(*in_both_precisions(rates, settings), strict=True):
        assert ours.status == theirs.status or abs(ours.won - theirs.won) == 1, ours.measure


def in_both_precisions(rates: dict[str, float], settings: Settings) -> tuple[list[Verdict], list[Verdict]]:
    """The verdicts in float32 and in bfloat16, all kinds among them, of other trainings, a unit apart at most."""
    (exact, of_exact), (rough, of_rough) = (
        verdicts(precision, rates, settings) for precision in ("float32", "bfloat16")
    )
    assert {verdict.status for verdict in exact} == {"separates", "overlaps", "inverted"}
    for ours, theirs in zip(rough, exact, strict=True):
        if ours.measure != "coin_flip":
            assert abs(ours.won - theirs.won) <= 1, ours.measure
    pairs = zip(twins(of_exact.zoo, "random_labels"), twins(of_rough.zoo, "random_labels"), strict=True)
    for ours, theirs in pairs:  # it was another training
        weights = [of_exact.models[ours.natural].weights_sha256, of_rough.models[theirs.natural].weights_sha256]
        assert weights[0] != weights[1]
    return exact, rough
