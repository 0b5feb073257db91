"""What is said of an attribute that a measure is not given: one that there never is, or that a network came without."""

import dataclasses
import difflib
import sys
from typing import Any

from measures.errors import NotApplicable

ANSWERS = ("test", "valid", "val", "holdout", "heldout", "held", "condition", "outcome", "recipe", "gap", "general")
"""Beginnings of the words of names that ask for what a measure is to predict."""


def absent(owner: object, name: str) -> AttributeError:
    """The error for an attribute that `owner` lacks, with a name that is near; where it would be the answer, that there
    is none by design."""
    text = f"{type(owner).__name__!r} object has no attribute {name!r}"
    if near := difflib.get_close_matches(name, [known for known in dir(owner) if not known.startswith("_")], n=1):
        text += f"; did you mean {near[0]!r}?"
    if any(word.startswith(ANSWERS) for word in name.lower().split("_")):
        text = (
            f"a measure has no {name!r}, by design: it sees what the network was trained on (inputs, labels), and no "
            "test data, condition or outcome"
        )
    return AttributeError(text, name=None, obj=owner)  # without a name Python adds none of its own


class Lacking:
    """An attribute that was given as None: reading it raises NotApplicable with the `reason`.

    It is set on a dataclass in the place of a field. What copies every field, wanted or not (`dataclasses.replace`),
    gets the None; so does `vars`.
    """

    def __init__(self, name: str, reason: str):
        self.name, self.reason = name, reason

    def __get__(self, instance: object, owner: type) -> Any:
        if instance is None:
            raise AttributeError(self.name)  # a field without a default
        value = vars(instance)[self.name]
        if value is None and sys._getframe(1).f_globals.get("__name__") != dataclasses.__name__:
            raise NotApplicable(self.reason)
        return value

    def __set__(self, instance: object, value: object) -> None:
        vars(instance)[self.name] = value


def as_given(instance: Any) -> str:
    """The text of a dataclass that may lack a field."""
    fields = ", ".join(f"{field.name}={vars(instance).get(field.name)!r}" for field in dataclasses.fields(instance))
    return f"{type(instance).__name__}({fields})"
