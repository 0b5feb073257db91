"""Measures of generalization, a family a folder, an idea a file.

A measure is a function of a trained model and its training set that returns one float; **a larger value predicts
a larger generalization gap**. A quantity whose claim runs the other way is negated or inverted in its own file.

    from measures import measure

    @measure(source="Neyshabur, Tomioka & Srebro 2015")
    def my_norm(trained):
        return sum(float(weight.detach().norm()) for weight in trained.model.parameters())

What `trained` offers is harness/trained_model.py; what registration checks is _registry.py.
"""

from measures._registry import COSTS, INVARIANCES, Measure, NotApplicable, RegistrationError, measure

__all__ = ["COSTS", "INVARIANCES", "Measure", "NotApplicable", "RegistrationError", "measure"]
