import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from sklearn.metrics import davies_bouldin_score

from measures import NotApplicable
from measures.representation.davies_bouldin import davies_bouldin, davies_bouldin_times_mixup
from measures.representation.mixup_accuracy import mixup_accuracy
from tests.builders.features import NETWORKS, assert_sees_no_change, labelled_network, model_with_features
from tests.references.layer_inputs import naive_layers


def test_classes_of_spread_1_and_2_at_distance_6_have_index_a_half():
    trained = model_with_features(torch.tensor([[-1.0], [1.0], [4.0], [8.0]]), [0, 0, 1, 1])
    assert davies_bouldin(trained) == pytest.approx((1 + 2) / 6, rel=1e-12)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("seed", [0, 1])
def test_is_the_score_of_scikit_learn_in_the_first_hidden_layer(name, seed):
    trained = labelled_network(name, seed)
    expected = davies_bouldin_score(naive_layers(trained)[1].numpy(), trained.labels.numpy())
    assert davies_bouldin(trained) == pytest.approx(expected, rel=1e-9)


@settings(deadline=None, max_examples=4)
@given(st.integers(0, 1000))
def test_the_worst_partner_of_each_class_counts(seed):
    trained = labelled_network("mlp_2x5", seed)
    features = naive_layers(trained)[1]
    classes = [features[trained.labels == label] for label in range(3)]
    centres = [members.mean(dim=0) for members in classes]
    spreads = [torch.stack([(h - c).norm() for h in m]).mean() for m, c in zip(classes, centres, strict=True)]
    total = 0.0
    for a in range(3):
        total += max(float((spreads[a] + spreads[b]) / (centres[a] - centres[b]).norm()) for b in range(3) if b != a)
    assert davies_bouldin(trained) == pytest.approx(total / 3, rel=1e-9)


@pytest.mark.parametrize("name", NETWORKS)
def test_with_mixup_it_is_the_product_of_the_two(name):
    trained = labelled_network(name, seed=0)
    assert mixup_accuracy(trained) > 0
    product = davies_bouldin(trained) * mixup_accuracy(trained)
    assert davies_bouldin_times_mixup(trained) == pytest.approx(product, rel=1e-12)


@pytest.mark.parametrize("measure", [davies_bouldin, davies_bouldin_times_mixup], ids=lambda measure: measure.name)
@settings(deadline=None, max_examples=2)
@given(seed=st.integers(0, 1000))
def test_sees_no_change_that_leaves_the_function_as_it_is(measure, seed):
    assert_sees_no_change(measure, seed)


def test_is_not_applicable_to_one_class():
    with pytest.raises(NotApplicable, match="1 class"):
        davies_bouldin(model_with_features(torch.eye(3), [1, 1, 1]))
