"""Centres and spreads of classes."""

import pytest
import torch

from measures import NotApplicable
from measures.representation._class_statistics import class_statistics
from tests.builders.features import NETWORKS, labelled_network, model_with_features
from tests.references.layer_inputs import naive_layers


def test_two_classes_on_a_line() -> None:
    found = class_statistics(model_with_features(torch.tensor([[0.0], [2.0], [10.0]]), [1, 1, 3]), 1)
    assert found.centres.tolist() == [[1], [10]]
    assert found.counts.tolist() == [2, 1]
    assert found.mean_distances.tolist() == [1, 0]
    assert found.variances.tolist() == [1, 0]
    assert found.centre_distances.tolist() == [[0, 9], [9, 0]]


@pytest.mark.parametrize("name", NETWORKS)
def test_each_is_what_loops_over_the_classes_give(name: str) -> None:
    trained = labelled_network(name, seed=0)
    order = trained.random_order
    for layer, features in enumerate(naive_layers(trained)):
        found = class_statistics(trained, layer)
        assert torch.equal(found.members, trained.labels[order])
        for label in range(3):
            members = features[trained.labels == label]
            centre = members.mean(dim=0)
            distances = torch.stack([(member - centre).norm() for member in members])
            torch.testing.assert_close(found.centres[label], centre)
            torch.testing.assert_close(found.mean_distances[label], distances.mean())
            torch.testing.assert_close(found.variances[label], distances.square().mean())
            torch.testing.assert_close(
                found.deviations[found.members == label], features[order][trained.labels[order] == label] - centre
            )
            torch.testing.assert_close(found.centre_distances[label], (found.centres - centre).norm(dim=1))


def test_one_class_has_nothing_to_be_compared_with() -> None:
    with pytest.raises(NotApplicable, match="1 class"):
        class_statistics(model_with_features(torch.eye(3), [1, 1, 1]), 1)


def test_classes_with_one_centre_are_refused() -> None:
    with pytest.raises(NotApplicable, match="same centre"):
        class_statistics(model_with_features(torch.tensor([[0.0], [2.0], [1.0], [1.0]]), [0, 0, 1, 1]), 1)
