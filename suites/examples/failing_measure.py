"""A measure that fails: twins have equally many layers, so it ties on every one of them."""

from measures import measure


@measure(source="an example of what fails")
def number_of_weight_tensors(trained):
    """How many tensors of weights the network has."""
    return float(sum(1 for _ in trained.model.parameters()))
