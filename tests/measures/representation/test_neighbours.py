"""Nearest neighbours: who they are, how far, and how they vote."""

import pytest
import torch

from measures import NotApplicable
from measures.representation import _neighbours as module
from measures.representation._neighbours import feature_products, neighbours, neighbours_vote
from tests.builders.features import labelled_network, model_with_features
from tests.references.layer_inputs import naive_layers


@pytest.mark.parametrize("name", ["mlp_2x5", "convnet"])
def test_neighbours_are_those_of_sorted_distances(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NEIGHBOURS", 6)
    trained = labelled_network(name, seed=0)
    for layer, features in enumerate(naive_layers(trained)):
        found = neighbours(trained, layer)
        points = features[trained.random_order]
        for i in range(len(points)):
            others = sorted((float((points[i] - points[j]).norm()), j) for j in range(len(points)) if j != i)[:6]
            assert found.distances[i].tolist() == pytest.approx([other[0] for other in others], rel=1e-6, abs=1e-12)
            if len({other[0] for other in others}) == 6:
                assert found.indices[i].tolist() == [other[1] for other in others]


def test_products_are_those_of_the_features() -> None:
    trained = model_with_features(torch.tensor([[0.0, 1.0], [4.0, 1.0]]), [0, 1])
    place = trained.random_order.argsort()
    assert feature_products(trained, 1)[place][:, place].tolist() == [[1, 1], [1, 17]]


def test_what_float32_cannot_tell_apart_is_at_distance_0() -> None:
    points = torch.tensor([[1000.0], [1000 + 1e-4], [-1000.0], [-1000 - 1e-2]], dtype=torch.float64)
    trained = model_with_features(points, [0, 0, 1, 1])
    nearest = neighbours(trained, 1).distances[:, 0][trained.random_order.argsort()]
    assert nearest.tolist() == [0, 0, pytest.approx(0.01, rel=1e-4), pytest.approx(0.01, rel=1e-4)]


@pytest.mark.parametrize("width", [1, 3, 10, 77, 300])
def test_an_example_and_its_copy_are_equally_far_from_every_other(width: int) -> None:
    """Inner products with the two differ in their last digits on some machines, as products are summed in blocks."""
    points = torch.rand(61, width, dtype=torch.float64, generator=torch.Generator().manual_seed(width))
    trained = model_with_features(torch.cat([points, points[:9]]), torch.arange(70) % 2)
    found = neighbours(trained, 1)
    examples = trained.random_order
    originals = torch.where(examples < 61, examples, examples - 61)
    pairs = 0
    for example in range(70):
        who = originals[found.indices[example]]
        for place in range(1, 20):
            if who[place] == who[place - 1]:
                pairs += 1
                assert found.distances[example, place] == found.distances[example, place - 1]
    assert pairs > 100


def test_distances_that_differ_by_more_than_rounding_stay_as_they_are() -> None:
    points = torch.tensor([[0.0], [1.0], [-1 - 1e-9], [50.0]], dtype=torch.float64)
    found = neighbours(model_with_features(points, [0, 0, 1, 1]), 1).distances
    first = found[model_with_features(points, [0, 0, 1, 1]).random_order.argsort()][0]
    assert first[0] < first[1] == pytest.approx(1 + 1e-9, rel=1e-12)


def test_the_lowest_of_the_most_frequent_labels_wins_the_vote() -> None:
    points = torch.tensor([[0.0], [1.0], [2.1], [3.3], [-10.0]])
    trained = model_with_features(points, [0, 2, 1, 1, 2])
    place = trained.random_order.argsort()[0]
    assert [int(neighbours_vote(trained, 1, count)[place]) for count in (1, 2, 3, 4)] == [2, 1, 1, 1]


def test_one_example_has_no_neighbour() -> None:
    with pytest.raises(NotApplicable, match="1 example"):
        neighbours(model_with_features(torch.ones(1, 2), [0]), 1)
