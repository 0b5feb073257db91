"""Every fast measure on networks of the kinds that people train, and the table that says which has a value."""

import pytest

from harness.calling.reading import Reading
from tests.networks.networks_table import README, counts, measures_of, readings, section, written


@pytest.fixture(scope="module")
def fast():
    return readings(measures_of("fast"))


def assert_values_or_one_sentence(found):
    for of_network in found.values():
        assert [(name, r.reason) for name, r in of_network.items() if r.status == "error"] == []
        assert all(len(r.reason.splitlines()) == 1 for r in of_network.values() if r.status != "value")


def assert_is_in_the_readme(tier, found):
    readme = README.read_text()
    assert written(readme, tier, section(tier, found)) == readme, "run python -m tests.networks.networks_table"


@pytest.mark.slow
def test_every_fast_measure_gives_a_value_or_one_sentence_on_every_network(fast):
    assert_values_or_one_sentence(fast)


@pytest.mark.slow
def test_nearly_all_fast_measures_have_a_value_on_residual_networks_and_transformers(fast):
    number = counts(fast)
    assert number["MLP"] == len(measures_of("fast")) >= 117
    assert number["residual network"] >= 108 and number["residual, pre-activation"] >= 108
    assert number["transformer"] >= 100 and number["transformer, torch's attention"] >= 100


@pytest.mark.slow
def test_the_table_of_fast_measures_in_the_readme_is_what_they_do_now(fast):
    assert_is_in_the_readme("fast", fast)


@pytest.mark.long
def test_every_slow_measure_gives_a_value_or_one_sentence_as_the_readme_says():
    found = readings(measures_of("slow"))
    assert_values_or_one_sentence(found)
    assert_is_in_the_readme("slow", found)


def test_measures_that_do_alike_share_a_line_and_equal_reasons_a_number():
    value, one, other = (Reading("value", 1.0, "", 0.0), *(Reading("not_applicable", None, w, 0.0) for w in "ab"))
    found = {
        "x": {"p": value, "q": value, "r": value, "s": value},
        "y": {"p": value, "q": one, "r": one, "s": other},
    }
    lines = section("fast", found).splitlines()
    assert "| `q`, `r` | ✓ | 1 |" in lines and "| `s` | ✓ | 2 |" in lines and "| the other 1 | ✓ | ✓ |" in lines
    assert lines[-4:-1] == ["", "1. a", "2. b"]
    assert "| **with a value, of 4** | 4 | 1 |" in lines
