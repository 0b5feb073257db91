"""The midpoint measures taken apart: what of their value are the labels of neighbours, and what the network.

They explain other measures, and are not of the catalogue. Each is judged as any measure in a file is:

    pytest suites/ -m gate --measure=measures/interpolation/_ablation.py::one_class_error

z = (xᵢ + xⱼ)/2, xⱼ the training example nearest to xᵢ in the inputs; c is the class of the largest logit, H the entropy
of the softmax, γ the margin (midpoint_error.py, midpoint_entropy.py, midpoint_margin.py).

    neither_label       1/m Σ 1[c(z) ∉ {yᵢ, yⱼ}]: the first term of midpoint_error. Of a network that fits everything
                        it is what the network adds to the labels.
    fitted_boundary     1/2m Σ 1[yᵢ ≠ yⱼ, c(xᵢ) = yᵢ, c(xⱼ) = yⱼ]: the third term. Of a network that fits everything
                        it is half of the share of neighbours with different labels, which the data have.
    one_class_error     1/|S| Σ_S 1[c(z) ≠ c(xᵢ)], S the pairs with c(xᵢ) = c(xⱼ): no neighbours disagree.
    one_class_entropy   1/|S| Σ_S H(z) − (H(xᵢ) + H(xⱼ))/2
    one_class_margin    1/|S| Σ_S (γ(xᵢ) + γ(xⱼ))/2 − γ(z), each of the network's own class, over the mean norm of the
                        centred logits
    two_class_entropy   the same as one_class_entropy over the other pairs
    two_class_share     the share of the other pairs: for fitted networks that of neighbours with different labels

The classes are the network's own, so that the pairs of one class are there in early training too; where everything is
fitted they are the labels.
"""

import torch
from torch import Tensor

from measures import NotApplicable, measure
from measures.interpolation._midpoints import midpoints, of_either_label
from measures.interpolation.midpoint_entropy import entropy
from measures.trained_model import TrainedModel, margins_of


@measure(source="this project, parts of the midpoint measures")
def neither_label(trained: TrainedModel) -> float:
    pairs, labels = midpoints(trained), trained.labels
    given = torch.zeros_like(pairs.logits).scatter_(1, pairs.logits.argmax(dim=1, keepdim=True), 1)
    return 1 - float(of_either_label(given, labels[pairs.one], labels[pairs.other]).double().mean())


@measure(source="this project, parts of the midpoint measures")
def fitted_boundary(trained: TrainedModel) -> float:
    pairs, labels = midpoints(trained), trained.labels
    right = _classes(trained) == labels
    apart = labels[pairs.one] != labels[pairs.other]
    return float((apart & right[pairs.one] & right[pairs.other]).double().mean()) / 2


@measure(source="this project, parts of the midpoint measures")
def one_class_error(trained: TrainedModel) -> float:
    pairs = midpoints(trained)
    changed = pairs.logits.argmax(dim=1) != _classes(trained)[pairs.one]
    return _mean(changed.double()[_of_one_class(trained)])


@measure(source="this project, parts of the midpoint measures")
def one_class_entropy(trained: TrainedModel) -> float:
    return _mean(_rise(trained)[_of_one_class(trained)])


@measure(source="this project, parts of the midpoint measures")
def two_class_entropy(trained: TrainedModel) -> float:
    return _mean(_rise(trained)[~_of_one_class(trained)])


@measure(source="this project, parts of the midpoint measures")
def two_class_share(trained: TrainedModel) -> float:
    return float((~_of_one_class(trained)).double().mean())


@measure(source="this project, parts of the midpoint measures")
def one_class_margin(trained: TrainedModel) -> float:
    pairs, own = midpoints(trained), trained.logits.double()
    ends, halfway = _largest_margins(own), _largest_margins(pairs.logits.double())
    scale = float((own - own.mean(dim=1, keepdim=True)).norm(dim=1).mean())
    if scale == 0:
        raise NotApplicable("the logits of every example are all equal: there is no margin to lose")
    lost = (ends[pairs.one] + ends[pairs.other]) / 2 - halfway
    return _mean(lost[_of_one_class(trained)]) / scale


def _classes(trained: TrainedModel) -> Tensor:
    return trained.logits.argmax(dim=1)


def _of_one_class(trained: TrainedModel) -> Tensor:
    """Whether the network gives both ends of a pair the same class, (m,)."""
    pairs, classes = midpoints(trained), _classes(trained)
    return classes[pairs.one] == classes[pairs.other]


def _rise(trained: TrainedModel) -> Tensor:
    """By how much the entropy halfway exceeds the mean of both ends', (m,)."""
    pairs, own = midpoints(trained), entropy(trained.logits)
    return entropy(pairs.logits) - (own[pairs.one] + own[pairs.other]) / 2


def _largest_margins(logits: Tensor) -> Tensor:
    """The largest logit minus the second largest, (m,)."""
    return margins_of(logits, logits.argmax(dim=1))


def _mean(values: Tensor) -> float:
    if not len(values):
        raise NotApplicable("there is no such pair of neighbours")
    return float(values.mean())
