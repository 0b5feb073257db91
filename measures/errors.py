"""What a measure, or its registration, may raise."""


class NotApplicable(Exception):
    """Raised by a measure that has no meaning for a model; the reason is kept in the row.

    Its only argument is the reason: what was found, and what the measure would need instead.

    >>> from measures import NotApplicable
    >>> def inverse_margin(gamma):
    ...     if not gamma > 0:
    ...         raise NotApplicable(f"γ = {gamma}, not above 0: undefined until the training set is fitted")
    ...     return 1 / gamma
    >>> inverse_margin(-0.5)
    Traceback (most recent call last):
        ...
    measures.errors.NotApplicable: γ = -0.5, not above 0: undefined until the training set is fitted
    """


class RegistrationError(Exception):
    """A function that cannot be registered as a measure: what is wrong, and its file and line.

    >>> from measures import measure
    >>> @measure
    ... def without_a_source(trained):
    ...     return 0.0
    Traceback (most recent call last):
        ...
    measures.errors.RegistrationError: without_a_source is decorated with a bare @measure; write @measure(source='...')
    """
