"""What a proposal is asked for: the formula, the source, a value by hand, the record."""

import re

import pytest

from tests import ROOT

GITHUB = ROOT / ".github"


def required_fields(form: str) -> dict[str, bool]:
    """The ids of a form's fields, and whether an answer is required."""
    fields = re.split(r"^  - type: ", form, flags=re.M)[1:]
    found = {}
    for field in fields:
        identifier, answer = re.search(r"^    id: (\w+)$", field, re.M), re.search(r"required: (true|false)", field)
        assert identifier is not None and answer is not None, field
        found[identifier[1]] = answer[1] == "true"
    return found


def test_a_proposal_gives_formula_source_and_value_by_hand_and_may_give_a_record() -> None:
    fields = required_fields((GITHUB / "ISSUE_TEMPLATE" / "new_measure.yml").read_text())
    assert fields == {"name": True, "formula": True, "source": True, "by_hand": True, "record": False}


def test_a_mistake_comes_with_its_command() -> None:
    fields = required_fields((GITHUB / "ISSUE_TEMPLATE" / "bug.yml").read_text())
    assert fields == {"what": True, "reproduce": True, "by_hand": False}


@pytest.mark.parametrize("form", ["new_measure.yml", "bug.yml"])
def test_a_form_has_what_github_requires(form: str) -> None:
    text = (GITHUB / "ISSUE_TEMPLATE" / form).read_text()
    for key in ("name", "description", "body"):
        assert re.search(rf"^{key}:", text, re.M)
    identifiers = re.findall(r"^    id: (\w+)$", text, re.M)
    assert len(identifiers) == len(set(identifiers)) == text.count("      label: ")
    assert "\t" not in text


def test_a_pull_request_is_asked_for_the_same() -> None:
    text = (GITHUB / "PULL_REQUEST_TEMPLATE.md").read_text()
    for asked in ("**Formula**", "**Source**", "**Value by hand**", "**Record**", "propose --base origin/main"):
        assert asked in text


def test_what_contributing_tells_to_run_exists() -> None:
    from harness.__main__ import main

    text = (GITHUB / "CONTRIBUTING.md").read_text()
    commands = set(re.findall(r"python -m harness ([a-z-]+)", text))
    assert {"new-measure", "propose", "leaderboard", "profile", "table"} <= commands
    assert commands <= set(main.commands)
    assert len(text.splitlines()) <= 40
