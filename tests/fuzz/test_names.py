"""Whatever is typed as a name: a measure, a zoo, a folder, a sentence; nothing is written where it should not be."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.evaluation.measure_lookup import find_measures
from harness.leaderboard.proposal.new_measure import new_measure
from harness.settings import in_bytes, make_settings
from harness.store.store import Store
from harness.zoo.opening import find_zoo
from measures.registry import Measure
from tests.builders.archives import RECIPES, everything

SHARED = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40
)  # many more under --long
TEXT = st.text(max_size=40)


@pytest.mark.slow
@SHARED
@given(text=TEXT | st.text("abl2_norm:./\\,~*\0 -", max_size=25))
@example("l2_norm")
@example("..")
@example("~nobody_of_this_name/x.py::f")
@example("../../etc/passwd::x")
@example("\0.py")
@example("~\0/")
@example("a" * 5000 + ".py::f")
@example("no.such.module:f")
@example(".:x")
@example(":")
@example("::")
@example("x::y::z")
def test_any_text_after_measure_is_measures_or_a_sentence(text: str) -> None:
    try:
        found = find_measures([text])
    except HarnessError as problem:
        assert str(problem)
        return
    assert found and all(isinstance(measure, Measure) for measure in found)


@SHARED
@given(text=TEXT | st.text("adigts:./\\,~*\0 -", max_size=25))
@example("digits")
@example("~nobody_of_this_name/x.py::zoo")
@example("../../etc/passwd::x")
@example("\0.py")
@example("a" * 5000 + ".py::zoo")
@example("no.such.module:zoo")
@example(".:x")
@example(":")
@example("::")
@example("math:pi")
@example("x{0}.py::{}")
def test_any_text_after_zoo_is_a_zoo_or_a_sentence(text: str) -> None:
    try:
        assert find_zoo(text).name == text
    except HarnessError as problem:
        assert str(problem)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for folder in ("measures/norms", "tests/measures"):
        (tmp_path / "checkout" / folder).mkdir(parents=True)
    (tmp_path / "checkout" / "measures" / "norms" / "__init__.py").touch()
    return tmp_path / "checkout"


@SHARED
@given(name=TEXT | st.text("abc_./\\", max_size=12), family=st.just("norms") | TEXT | st.sampled_from(["..", ".", "/"]))
def test_a_new_measure_of_any_name_is_in_its_folder_or_not_at_all(name: str, family: str, checkout: Path) -> None:
    before = everything(checkout.parent)
    try:
        written = new_measure(name, family, checkout)
    except HarnessError:
        assert everything(checkout.parent) == before
        return
    assert [path.parent.relative_to(checkout) for path in written] == [
        Path("measures/norms"),
        Path("tests/measures/norms"),
    ]
    for path in written:
        path.unlink()
    written[1].parent.rmdir()


@given(text=TEXT | st.text("0123456789.kMGTiB ", max_size=12))
@example("2GB")
@example("1.5 GiB")
@example("9" * 400)
@example("١GB")
def test_a_size_is_a_number_of_bytes_or_a_sentence(text: str) -> None:
    try:
        assert in_bytes(text) >= 0
    except HarnessError as problem:
        assert "expected a size above 0, such as 2GB" in str(problem)


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=40)


@SHARED
@given(name=NAMES)
@example(name="a folder\nof two lines")
@example(name="-rf")
@example(name="%s {x} $HOME `id`")
def test_a_store_works_in_a_folder_of_any_name(
    name: str, intact: Store, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("names")
    if name in (".", "..") or name != name.strip() or len(os.fsencode(name)) > 255:
        return
    cache = make_settings(cache_dir=str(folder / "x" / name)).cache_dir
    store = Store(cache)
    store.put(RECIPES[0].key, *intact.files(RECIPES[0]))
    assert store.verify(RECIPES[0]) == intact.find(RECIPES[0])
    assert [path.name for path in (folder / "x").iterdir()] == [cache.name]
