"""Measures of generalization, a family a folder, an idea a file.

A measure is a function of a trained model and its training set that returns one float; **a larger value predicts
a larger generalization gap**. A quantity whose claim runs the other way is negated or inverted in its own file.

>>> from measures import measure
>>> @measure(source="Neyshabur, Tomioka & Srebro 2015")
... def my_norm(trained):
...     return sum(float(weight.detach().norm()) for weight in trained.model.parameters())

What a measure's author needs is imported from here. Where it stands:

    trained_model.py    TrainedModel: all that a measure may look at; history.py: what training left behind
    registry.py         @measure: what a measure declares, what registration checks, what it may return; errors.py
    once_per_model.py   @once_per_model: a quantity that several measures read is computed once
    layers.py           a weight layer as a linear operator; weight_layers.py finds those of a network
    layer_chain.py      whether they are a chain, as bounds by their norms take them to be
    folding.py          batch normalization folded into the layer before it, or those after it
    layer_inputs.py     what layers receive, example by example
    seeding.py          random streams by name
    networks/           how a network that somebody gives is read: its __init__ lists the files
    quantities/         what several families compute from a trained model; its __init__ lists the files
"""

from typing import TYPE_CHECKING, Any

from measures.once_per_model import once_per_model
from measures.registry import COSTS, INVARIANCES, Estimate, Measure, NotApplicable, RegistrationError, measure

if TYPE_CHECKING:
    from measures.trained_model import TrainedModel

__all__ = [
    "COSTS",
    "INVARIANCES",
    "Estimate",
    "Measure",
    "NotApplicable",
    "RegistrationError",
    "TrainedModel",
    "measure",
    "once_per_model",
]


def __getattr__(name: str) -> Any:
    """`from measures import TrainedModel`, without torch for those who import the package for its names."""
    if name == "TrainedModel":
        from measures.trained_model import TrainedModel

        return TrainedModel
    raise AttributeError(f"module 'measures' has no attribute {name!r}")
