"""What an author of a measure imports from `measures`: every example in its documentation runs and says the truth."""

import doctest
import functools
import inspect
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

import measures
from measures import Estimate, Measure, NotApplicable, RegistrationError, TrainedModel, measure, once_per_model
from measures import trained_model as trained_model_module

DOCUMENTED = {
    "measures": measures,
    "measure": measure,
    "Estimate": Estimate,
    "Measure": Measure,
    "NotApplicable": NotApplicable,
    "RegistrationError": RegistrationError,
    "once_per_model": once_per_model,
    "TrainedModel": TrainedModel,
}


def members() -> Iterator[tuple[str, Any]]:
    """The public methods and properties that TrainedModel defines."""
    for name, member in vars(TrainedModel).items():
        if isinstance(member, functools.cached_property):
            yield f"TrainedModel.{name}", member.func
        elif inspect.isfunction(member) and not name.startswith("_"):
            yield f"TrainedModel.{name}", member


def examples(documented: Any, name: str, namespace: dict[str, Any]) -> doctest.DocTest:
    """The examples in one docstring, to be run with a copy of the namespace."""
    return doctest.DocTestParser().get_doctest(inspect.getdoc(documented) or "", namespace, name, None, None)


def names_of_the_class_s_example() -> dict[str, Any]:
    """What the example of TrainedModel defines: `trained`, for the examples that follow it."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    test = examples(TrainedModel, "TrainedModel", namespace)
    assert doctest.DocTestRunner().run(test, clear_globs=False).failed == 0
    return test.globs


@pytest.mark.usefixtures("own_registry")
@pytest.mark.parametrize(("name", "documented"), [*DOCUMENTED.items(), *members()])
def test_every_public_name_has_an_example_that_holds(name: str, documented: Any) -> None:
    test = examples(documented, name, names_of_the_class_s_example())
    assert test.examples
    said: list[str] = []
    failed = doctest.DocTestRunner().run(test, out=said.append).failed
    assert not failed, "".join(said)


def test_all_that_a_measure_may_look_at_is_documented() -> None:
    named = {name for name, _ in members()}
    assert {"TrainedModel.logits", "TrainedModel.sample", "TrainedModel.retrain"} <= named
    fields = set(TrainedModel.__dataclass_fields__)
    assert all(f"`{field}`" in (TrainedModel.__doc__ or "") for field in fields)


def test_the_names_are_those_of_their_files() -> None:
    assert measures.TrainedModel is trained_model_module.TrainedModel
    assert len(set(measures.__all__)) == len(measures.__all__)
    assert all(getattr(measures, name) is not None for name in measures.__all__)
    assert callable(once_per_model)  # and not the file of that name
    with pytest.raises(AttributeError, match="module 'measures' has no attribute 'TrainedModels'"):
        measures.TrainedModels  # noqa: B018


def test_the_package_and_its_names_are_imported_without_torch() -> None:
    program = (
        "import sys; from measures import measure, NotApplicable, once_per_model; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_once_per_model_stays_the_function_when_its_file_has_been_imported() -> None:
    program = "import measures.once_per_model; from measures import once_per_model; assert callable(once_per_model)"
    subprocess.run([sys.executable, "-c", program], check=True)
