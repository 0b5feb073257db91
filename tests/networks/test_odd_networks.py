"""Every measure meets networks of odd kinds: it gives a finite number or one sentence, and leaves all as it was."""

import copy
import dataclasses
import re
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from harness.calling.reading import Reading
from harness.evaluation.measure_lookup import find_measures
from measures import NotApplicable, measure
from measures.gradients._gradient_moments import statistics_at_end
from measures.networks.plain_network import as_given
from measures.quantities.gauss_newton import layer_curvatures
from measures.quantities.gradient_gram import gradient_gram
from measures.quantities.gradient_moments import gradient_moments
from measures.quantities.gradient_squares import fisher_trace_of
from measures.quantities.hessian_spectrum import hessian_product
from measures.quantities.input_gradients import margin_gradients, sample_jacobian, sample_margin_gradients
from measures.quantities.per_example import gradient_norms
from measures.trained_model import TrainedModel
from tests.builders.odd_networks import EXAMPLES, FUNCTIONS, REFUSED, odd_model
from tests.builders.odd_networks.forwards import fused_attention
from tests.builders.odd_networks.layers import rows_in_patches, weight_norm
from tests.builders.odd_networks.plain import CLASSES, Calling, convnet, mlp
from tests.networks.readings import readings_of

pytestmark = pytest.mark.slow

TIERS = [pytest.param("fast"), pytest.param("slow", marks=[pytest.mark.slow, pytest.mark.long])]


def readings(trained: TrainedModel, tier: str) -> dict[str, Reading]:
    """What each measure of the tier says of the model; what it changed is an error."""
    own = [measure for measure in find_measures(["all"]) if measure.origin.startswith("measures.")]
    found, changed = readings_of([measure for measure in own if measure.cost == tier], trained)
    assert changed == {}
    return found


@pytest.mark.usefixtures("own_registry")
def test_a_measure_that_changes_a_weight_is_noticed_among_others() -> None:
    @measure(source="a test")
    def changes_a_weight(trained: TrainedModel) -> float:
        next(trained.model.parameters()).data.add_(1)
        return 1.0

    innocent = find_measures(["l2_norm", "margin_median"])
    _, changed = readings_of([*innocent, changes_a_weight, *innocent], odd_model(mlp))
    (names, change), *others = changed.items()
    assert "changes_a_weight" in names and "model" in change and others == []


def assert_none_is_an_error(found: dict[str, Reading]) -> None:
    assert {name: reading.reason for name, reading in found.items() if reading.status == "error"} == {}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.usefixtures("few_steps")
@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("make", FUNCTIONS, ids=lambda make: make.__name__)
def test_a_measure_has_a_number_or_a_reason_and_leaves_all_as_it_was(make, tier: str) -> None:
    found = readings(odd_model(make), tier)
    assert_none_is_an_error(found)
    assert sum(reading.status == "value" for reading in found.values()) > 10


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.usefixtures("few_steps")
@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize(("make", "sentence"), REFUSED.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_a_network_that_cannot_be_read_gets_one_sentence_from_all(make, sentence: str, tier: str) -> None:
    trained = odd_model(make)
    with pytest.raises(NotApplicable, match=re.escape(sentence)) as refused:
        trained.model(trained.inputs)
    reason = str(refused.value)
    found = readings(trained, tier)
    assert_none_is_an_error(found)
    assert sum(reading.reason == reason for reading in found.values()) > 20


def given(make: Callable[[], nn.Module]) -> nn.Module:
    """The builder's network as torch knows it, no parameter frozen."""
    return as_given(odd_model(make).model).requires_grad_()


def naive_gradients(network: nn.Module, inputs: Tensor, labels: Tensor) -> Tensor:
    """One example after the other, one backward pass each: the gradients of the cross-entropy, (n, p).

    An example is run beside itself: of one alone torch 2.14 has a wrong derivative of tokens_after_batch_norm.
    """
    rows = []
    for x, y in zip(inputs, labels, strict=True):
        loss = F.cross_entropy(network(torch.stack([x, x]))[:1], y[None])
        gradients = torch.autograd.grad(loss, [*network.parameters()], materialize_grads=True)
        rows.append(torch.cat([(g.to_dense() if g.is_sparse else g).flatten() for g in gradients]))
    return torch.stack(rows)


def close(found: Tensor, expected: Tensor, tolerance: float = 1e-7) -> None:
    assert (found - expected).norm() <= tolerance * expected.norm() + 1e-12


NOT_BY_LOOP = {
    "checkpointed_reentrant": "torch.autograd.grad does not go through it",
    **dict.fromkeys(
        (
            "probe_without_gradient",
            "probe_detached",
            "probe_in_inference_mode",
            "all_in_inference_mode",
            "probe_by_data",
        ),
        "autograd stops at it, and measures do not",
    ),
    "computed_by_numpy": "autograd stops at it, and measures say so",
}  # compared with their plain twins in test_same_function_other_clothes.py
NOT_BY_DIFFERENCES = {
    "orthogonal": "its outputs jump with the diagonal, of which the sign counts",
    "coarser_logits": "its logits are rounded to single precision",
    **dict.fromkeys(("rounded_weights", "rounded_activations"), "its gradient is not the slope of what is rounded"),
}
BY_LOOP = [make for make in FUNCTIONS if make.__name__ not in NOT_BY_LOOP]
SMOOTH = [make for make in BY_LOOP if make.__name__ not in NOT_BY_DIFFERENCES]


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize("make", BY_LOOP, ids=lambda make: make.__name__)
def test_gradients_of_the_parameters_that_are_equal_a_loop_over_the_examples(make) -> None:
    trained, network = odd_model(make), given(make)
    inputs, labels = trained.inputs, (trained.labels + 1) % CLASSES
    expected = naive_gradients(network, inputs, labels).detach()
    close(gradient_norms(trained.model, inputs, labels), expected.norm(dim=1))
    close(gradient_gram(trained.model, inputs, labels), expected @ expected.T)
    mean, square = gradient_moments(trained.model, inputs, labels)
    close(mean, expected.mean(dim=0))
    close(square, expected.square().mean(dim=0))
    noise = statistics_at_end(dataclasses.replace(trained, labels=labels)).variance
    assert noise == pytest.approx(float(expected.var(dim=0, correction=0).sum()), rel=1e-6)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize("make", BY_LOOP, ids=lambda make: make.__name__)
def test_the_fisher_trace_is_that_of_the_parameters_that_are(make) -> None:
    trained, network, total = odd_model(make), given(make), 0.0
    probabilities = network(trained.inputs.clone()).softmax(dim=1).detach()
    for label in range(CLASSES):
        rows = naive_gradients(network, trained.inputs, torch.full_like(trained.labels, label))
        total += float((probabilities[:, label] * rows.square().sum(dim=1)).mean())
    assert fisher_trace_of(trained.model, trained.inputs) == pytest.approx(total, rel=1e-7)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize("make", SMOOTH, ids=lambda make: make.__name__)
def test_a_hessian_product_is_the_difference_of_two_gradients(make) -> None:
    trained, network = odd_model(make), given(make)
    theta = parameters_to_vector(network.parameters()).detach()
    vector = torch.randn(theta.shape, generator=torch.Generator().manual_seed(0), dtype=theta.dtype)
    gradients = []
    for step in (1e-6, -1e-6):
        with torch.no_grad():
            vector_to_parameters(theta + step * vector, network.parameters())
        gradients.append(naive_gradients(network, trained.inputs, trained.labels).mean(dim=0))
    expected = (gradients[0] - gradients[1]) / 2e-6
    close(hessian_product(trained)(vector[None])[0], expected, 1e-5)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize("make", BY_LOOP, ids=lambda make: make.__name__)
def test_derivatives_by_the_inputs_equal_a_loop_or_do_not_exist(make) -> None:
    trained, network = odd_model(make), given(make)
    if make.__name__ in ("embedded_pixels", "sparse_table"):
        for quantity in (sample_jacobian, sample_margin_gradients):
            with pytest.raises(NotApplicable, match="outputs have no derivative with respect to its inputs"):
                quantity(trained)
        return
    rows = []
    for x in trained.sample(EXAMPLES)[0]:
        x = x[None].clone().requires_grad_()
        logits = network(torch.cat([x, x]))[0]  # beside itself, as above
        rows.append(torch.stack([torch.autograd.grad(f, x, retain_graph=True)[0].flatten() for f in logits]))
    expected = torch.stack(rows)
    close(sample_jacobian(trained)[1], expected)
    if make.__name__ == "recurrent":
        with pytest.raises(NotApplicable, match="layer 'rnn' is of the kind LSTM"):  # it receives what is not seen
            sample_margin_gradients(trained)
        return
    found = sample_margin_gradients(trained)
    order = trained.logits[trained.random_order].argsort(dim=1, descending=True)
    best, second = (expected.gather(1, order[:, k, None, None].expand(-1, 1, 36))[:, 0] for k in (0, 1))
    close(found.gradients[0], best - second)  # of the inputs, whatever is done to them before the first layer
    close(found.received[0], trained.inputs[trained.random_order].flatten(1))


@pytest.mark.parametrize("make", [rows_in_patches, fused_attention], ids=lambda make: make.__name__)
def test_the_gauss_newton_diagonal_of_a_layer_met_at_several_places_is_the_sum_over_classes_of_squares(make) -> None:
    trained, network = odd_model(make), given(make)
    expected = {layer.name: torch.zeros_like(layer.weight) for layer in trained.layers}
    for x in trained.inputs:
        logits = network(x[None])[0]
        p = logits.softmax(dim=0).detach()
        weights = [network.get_submodule(name).weight for name in expected]
        jacobian = [torch.autograd.grad(f, weights, retain_graph=True) for f in logits]
        for layer, name in enumerate(expected):
            rows = torch.stack([of_class[layer] for of_class in jacobian])  # (K, out, in)
            mean = torch.einsum("k,koi->oi", p, rows)
            expected[name] += torch.einsum("k,koi->oi", p, (rows - mean).square()) / EXAMPLES
    for layer, found in zip(trained.layers, layer_curvatures(trained), strict=True):
        close(found.diagonal, expected[layer.name])


def of_one_example() -> TrainedModel:
    trained = odd_model(convnet)
    history = dataclasses.replace(trained.history, correct=trained.history.correct[:, :1])
    return dataclasses.replace(trained, inputs=trained.inputs[:1], labels=trained.labels[:1], history=history)


def of_one_logit() -> TrainedModel:
    trained = odd_model(lambda: nn.Sequential(nn.Flatten(), nn.Linear(36, 4), nn.ReLU(), nn.Linear(4, 1)))
    return dataclasses.replace(trained, labels=torch.zeros_like(trained.labels), num_classes=1)


def of_a_start_that_never_ran() -> TrainedModel:
    lazy = nn.Sequential(nn.Flatten(), nn.LazyLinear(8), nn.ReLU(), nn.Linear(8, CLASSES)).double()
    trained = odd_model(mlp)
    return dataclasses.replace(trained, init=lazy)


def of_whole_numbers() -> TrainedModel:
    def forward(self: Calling, x: Tensor) -> Tensor:
        return self.head(self.embed(x.flatten(1)).flatten(1))

    trained = odd_model(mlp)
    network = Calling(forward, embed=nn.Embedding(9, 2), head=nn.Linear(72, CLASSES)).eval()
    inputs = torch.randint(9, trained.inputs.shape, generator=torch.Generator().manual_seed(0))
    return dataclasses.replace(trained, model=network, init=copy.deepcopy(network), inputs=inputs)


def of_another_start() -> TrainedModel:
    """A network with normalized weights, that had plain ones before training."""
    return dataclasses.replace(odd_model(weight_norm), init=odd_model(mlp).init)


def without_parameters() -> TrainedModel:
    trained, network = odd_model(mlp), nn.Sequential(nn.AdaptiveAvgPool2d((1, CLASSES)), nn.Flatten()).eval()
    return dataclasses.replace(trained, model=network, init=copy.deepcopy(network))


@pytest.mark.usefixtures("few_steps")
@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize(
    "make",
    [of_one_example, of_one_logit, of_a_start_that_never_ran, of_whole_numbers, of_another_start, without_parameters],
    ids=lambda make: make.__name__,
)
def test_a_measure_has_a_number_or_a_reason_of_odd_data_and_starts(make, tier: str) -> None:
    assert_none_is_an_error(readings(make(), tier))


def test_a_network_that_ends_early_for_some_examples_has_no_margins_at_hidden_layers() -> None:
    """Its layers are two for the first example and three for others: what is third there is no layer of the first."""

    def forward(self: Calling, x: Tensor) -> Tensor:
        h = torch.relu(self.first(x.flatten(1)))
        return self.last(h if bool((x[:, 0, 0, 0] == first).all()) else torch.relu(self.second(h)))

    torch.manual_seed(0)
    inputs = torch.randn(4, 1, 6, 6)
    first = inputs[0, 0, 0, 0]
    network = Calling(forward, first=nn.Linear(36, 8), second=nn.Linear(8, 8), last=nn.Linear(8, CLASSES))
    with pytest.raises(NotApplicable, match="applies other layers to some examples"):
        margin_gradients(network, inputs, torch.zeros(4, dtype=torch.int64))
