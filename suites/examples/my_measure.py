"""A measure of your own: pytest suites/ --measure=./suites/examples/my_measure.py::my_measure"""

from measures import measure


@measure(source="mine")
def my_measure(trained):
    """How far the weights travelled."""
    pairs = zip(trained.model.parameters(), trained.init.parameters(), strict=True)
    return sum(float((after - before).detach().norm()) for after, before in pairs)
