"""A value that is an estimate, with its standard error."""


class Estimate(float):
    """A float with the standard error that it has as an estimate: what other draws would move it by.

    Wherever a float is wanted it is one, and what is computed of it is a plain float. A measure that draws may return
    one: the record keeps the standard error beside the value, and no verdict depends on it.

    >>> from measures import Estimate
    >>> mean = Estimate(2.0, standard_error=0.1)
    >>> mean, mean.standard_error, mean + 1
    (2.0, 0.1, 3.0)

    The standard error of a function of it, by its derivative:

    >>> squared = mean.through(mean**2, derivative=2 * mean)
    >>> squared, squared.standard_error
    (4.0, 0.4)
    """

    standard_error: float

    def __new__(cls, value: float, standard_error: float) -> "Estimate":
        estimate = super().__new__(cls, value)
        estimate.standard_error = float(standard_error)
        return estimate

    def __reduce__(self) -> tuple[type["Estimate"], tuple[float, float]]:
        return Estimate, (float(self), self.standard_error)

    def through(self, value: float, derivative: float) -> "Estimate":
        """The `value` of a function of this estimate, whose derivative there this is, to first order."""
        return Estimate(value, abs(derivative) * self.standard_error)
