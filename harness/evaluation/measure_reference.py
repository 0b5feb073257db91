"""A measure on its way to another process: one of this project is found again by its name, a stranger's is sealed."""

import dataclasses

import cloudpickle

from harness.calling.request import not_called_here
from harness.calling.sealed_measure import SealedFunction
from harness.errors import HarnessError
from harness.evaluation.measure_lookup import is_another, reload_measure
from harness.evaluation.source_digest import digest_as_called, search_of_calls
from harness.evaluation.strangers import Unusable
from measures.registry import Measure, registered


@dataclasses.dataclass(frozen=True)
class MeasureReference:
    """A measure as another process finds it, and the digest of the source that it has to have there.

    - `stranger`: as it was declared, if it is none of this project's; `search`: where its imports are looked for.
    - `function_bytes`: the function itself, where it stands in a notebook and in no file; then there is no digest.
    """

    name: str
    origin: str
    source_sha256: str
    stranger: Measure | None = None
    search: tuple[str, ...] = ()
    function_bytes: bytes = b""


def reference_to(measure: Measure) -> MeasureReference:
    """HarnessError where the measure is a notebook's function that cannot be sent."""
    if measure.family != "external":
        return MeasureReference(measure.name, measure.origin, digest_as_called(measure))
    search = search_of_calls()
    if not in_a_notebook(measure):
        return MeasureReference(measure.name, measure.origin, digest_as_called(measure, search), bare(measure), search)
    try:
        content = cloudpickle.dumps(measure.function)
    except Exception as cause:  # whatever the objects that it refers to raise
        how = f"{type(cause).__name__}: {cause}"
        raise HarnessError(f"{measure.name} cannot be sent to another process ({how})") from cause
    return MeasureReference(measure.name, measure.origin, "", bare(measure), search, content)


def digest_of(measure: Measure) -> str:
    """The digest of its source; "" of one that stands in no file or cannot be imported: its values are not kept."""
    without_source = isinstance(measure.function, Unusable) or in_a_notebook(measure)
    return "" if without_source else digest_as_called(measure)


def bare(measure: Measure) -> Measure:
    """The declaration without the function."""
    return dataclasses.replace(measure, function=not_called_here)


def in_a_notebook(measure: Measure) -> bool:
    """Whether no other process can import it: it was given undecorated, or defined in a cell or inside a function."""
    if measure.family != "external" or measure.function is not_called_here:
        return False
    local = "<locals>" in getattr(measure.function, "__qualname__", "")
    return registered.get(measure.name) is not measure or measure.origin == "__main__" or local


def referenced(reference: MeasureReference, memory: int | None = None) -> Measure:
    """The measure here: imported, or sealed. Raises HarnessError if it is not there, or was edited since."""
    stranger = reference.stranger
    if stranger is None:
        return reload_measure(reference.name, reference.origin, reference.source_sha256)
    if not reference.function_bytes:
        there, search = stranger.file.is_file(), search_of_calls(reference.search)
        if not there or digest_as_called(stranger, search) != reference.source_sha256:
            raise HarnessError(is_another(reference.origin))
    function = SealedFunction(stranger, reference.search, reference.function_bytes, memory)
    return dataclasses.replace(stranger, function=function)


def sealed(measure: Measure) -> Measure:
    """The measure as this process may call it: a stranger's is sealed."""
    if measure.family != "external" or isinstance(measure.function, Unusable):
        return measure
    return referenced(reference_to(measure))
