import dataclasses

import pytest
import torch

from measures import NotApplicable
from measures.layers import operator_matrix
from measures.quantities.gauss_newton import layer_curvatures
from measures.quantities.hessian_spectrum import weighted_examples
from tests.builders.small_networks import linear_model, random_linear_model, small_network
from tests.measures.left_as_found import assert_leaves_all_as_found
from tests.references.loss_surfaces import exact_hessian

KINDS = ["mlp", "convnet"]


def exact_gauss_newton(trained):
    """G from one Jacobian an example and matrix products, in the order of the parameters."""
    names, values = zip(*trained.model.named_parameters(), strict=True)
    total = 0.0
    for x in trained.inputs:

        def logits(*values, x=x):
            return torch.func.functional_call(trained.model, dict(zip(names, values, strict=True)), x[None])[0]

        detached = tuple(value.detach() for value in values)
        jacobians = torch.func.jacrev(logits, argnums=tuple(range(len(values))))(*detached)
        jacobian = torch.cat([j.flatten(1) for j in jacobians], dim=1)
        p = logits(*detached).softmax(dim=0)
        total = total + jacobian.T @ (p.diag() - p.outer(p)) @ jacobian / len(trained.inputs)
    return total


def test_one_input_of_3_and_equal_chances_have_factors_9_and_a_quarter():
    (layer,) = layer_curvatures(linear_model([[0.0], [0.0]], inputs=[[3.0]], labels=[0]))
    assert layer.incoming.tolist() == [[9]]
    assert layer.outgoing.flatten().tolist() == pytest.approx([0.25, -0.25, -0.25, 0.25])
    assert layer.diagonal.flatten().tolist() == pytest.approx([9 / 4, 9 / 4])


@pytest.mark.parametrize("seed", [0, 1])
def test_for_a_linear_model_and_one_example_the_kronecker_product_is_the_exact_hessian(seed):
    trained = random_linear_model(seed, num_train=1, size=4, num_classes=3)
    (layer,) = layer_curvatures(trained)
    torch.testing.assert_close(torch.kron(layer.outgoing, layer.incoming), exact_hessian(trained))


@pytest.mark.parametrize("kind", KINDS)
def test_the_diagonal_is_that_of_the_exact_gauss_newton_matrix(kind):
    trained = small_network(kind, seed=1)
    expected = exact_gauss_newton(trained).diag()
    for layer in layer_curvatures(trained):
        part, expected = expected[: layer.weight.numel()], expected[layer.weight.numel() + len(layer.weight) :]
        torch.testing.assert_close(layer.diagonal.flatten(), part)


def test_of_a_relu_network_it_is_the_diagonal_of_the_hessian():
    trained = small_network("convnet", seed=2)
    first = layer_curvatures(trained)[0].diagonal.flatten()
    torch.testing.assert_close(first, exact_hessian(trained).diag()[: len(first)])


@pytest.mark.parametrize("kind", [*KINDS, "convnet_bn"])
def test_the_factors_are_sums_over_examples_classes_and_positions(kind):
    trained = small_network(kind, seed=3)
    for number, (layer, curvature) in enumerate(zip(trained.layers, layer_curvatures(trained), strict=True)):
        incoming, outgoing = naive_factors(trained, number, layer)
        torch.testing.assert_close(curvature.incoming, incoming)
        torch.testing.assert_close(curvature.outgoing, outgoing)


def naive_factors(trained, number, layer):
    """A and B from the definitions, one example, position and class at a time, by the layers' operators."""
    operators = [operator_matrix(part, part.weight) for part in trained.layers]
    incoming, outgoing, n = 0.0, 0.0, len(trained.labels)
    for x in trained.inputs:
        received, gates = run(trained, operators, x.flatten())
        channels = layer.weight.shape[0]
        positions = operators[number].shape[0] // channels
        for position in range(positions):
            if layer.weight.ndim == 2:
                patch = received[number]
            else:
                image = received[number].view(1, *layer.input_shape)
                padding = 1 if layer.input_shape[1:] == layer.output_shape[1:] else 0
                patch = torch.nn.functional.unfold(image, layer.weight.shape[2:], padding=padding)[0, :, position]
            patch = torch.cat([patch, torch.ones(1, dtype=torch.float64)])
            incoming = incoming + patch.outer(patch) / n
        back = torch.eye(operators[-1].shape[0], dtype=torch.float64)
        for later in range(len(operators) - 1, number, -1):
            back = back @ operators[later] @ gates[later - 1]
        p = trained.model(x[None])[0].detach().softmax(dim=0)
        for c in range(len(p)):
            root = p[c].sqrt() * (torch.eye(len(p), dtype=torch.float64)[c] - p)
            b = (root @ back).view(channels, positions)
            outgoing = outgoing + b @ b.T / (n * positions)
    return incoming, outgoing


def run(trained, operators, x):
    """What each layer receives, and the Jacobian of what lies between it and the next (ReLU and pooling)."""
    received, gates = [], []
    modules = [m for m in trained.model if not isinstance(m, torch.nn.BatchNorm2d | torch.nn.Flatten)]
    between, groups = [], []
    for module in modules:
        if isinstance(module, torch.nn.Linear | torch.nn.Conv2d):
            groups.append(between := [])
        else:
            between.append(module)
    for number, (layer, operator) in enumerate(zip(trained.layers, operators, strict=True)):
        received.append(x)
        positions = operator.shape[0] // layer.weight.shape[0]
        z = operator @ x + layer.bias.repeat_interleave(positions)

        def through(z, layer=layer, number=number):
            y = z.view(1, *layer.output_shape)
            for module in groups[number]:
                y = module(y)
            return y.flatten()

        gates.append(torch.func.jacrev(through)(z))
        x = through(z)
    return received, gates


def test_a_large_training_set_is_weighed_like_the_sample():
    trained = random_linear_model(4, num_train=400, size=3)
    chosen, weights = weighted_examples(trained)
    assert len(chosen) == 300
    (layer,) = layer_curvatures(trained)
    p = trained.logits[chosen].softmax(dim=1)[:, 0]
    expected = (p * (1 - p) * weights / 400) @ trained.inputs[chosen].square()
    torch.testing.assert_close(layer.diagonal[0], expected)
    torch.testing.assert_close(layer.incoming, trained.inputs.T @ trained.inputs / 400)


def test_a_convolution_in_groups_is_refused():
    trained = small_network("convnet", seed=5)
    model = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.Conv2d(2, 2, 3, groups=2), torch.nn.Flatten())
    grouped = dataclasses.replace(trained, model=model.double(), init=model.double())
    grouped.labels.clamp_(max=1)
    with pytest.raises(NotApplicable, match="groups"):
        layer_curvatures(grouped)


def test_leaves_the_model_its_gradients_and_the_random_state_as_found():
    assert_leaves_all_as_found(layer_curvatures, small_network("convnet_bn", seed=10))
