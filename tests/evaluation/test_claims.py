"""What a measure's file says of its source's claim is read strictly, without importing it, and listed."""

import json
import textwrap
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.evaluation.catalogue import Declared, declared
from harness.evaluation.claims import Claim, claim_of, claims_json, claims_table
from harness.evaluation.measure_lookup import short_path


def stands(file: Path, family: str = "norms", source: str = "a paper, eq. 2") -> Declared:
    return Declared(file.stem, family, source, 1, "fast", file)


def written(folder: Path, *ends: str, family: str = "norms") -> Declared:
    """A file with a docstring of four lines, of which the third and fourth are a formula, before these."""
    file = folder / "mine.py"
    lines = ["A norm.", "", "    μ = 1", "", *ends]
    file.write_text('"""' + "\n".join(lines) + '\n"""\n\nraise AssertionError("it was imported")\n')
    return stands(file, family)


@pytest.mark.parametrize(
    ("line", "orientation", "place"),
    [
        ("Claims: larger gap (section 3, eq. 5).", "larger gap", "section 3, eq. 5"),
        ("Claims: read into it.", "read into it", ""),
    ],
)
@pytest.mark.parametrize(
    ("labels_line", "labels", "labels_place"),
    [
        ("Random labels: separates (figure 4).", "separates", "figure 4"),
        ("Random labels: does not separate (table 2).", "does not separate", "table 2"),
        ("Random labels: nothing.", "nothing", ""),
        ("Random labels: unknown (the source could not be had).", "unknown", "the source could not be had"),
    ],
)
def test_every_pair_of_forms_is_read(
    tmp_path: Path, line: str, orientation: str, place: str, labels_line: str, labels: str, labels_place: str
) -> None:
    assert claim_of(written(tmp_path, line, labels_line)) == Claim(orientation, place, labels, labels_place)  # type: ignore[arg-type]


def test_a_control_claims_nothing(tmp_path: Path) -> None:
    lines = ["Claims: nothing, it is a control.", "Random labels: nothing."]
    control = Claim("nothing, it is a control", "", "nothing", "")
    assert claim_of(written(tmp_path, *lines, family="controls")) == control
    with pytest.raises(HarnessError, match=r"mine\.py:5: only what stands in measures/controls is a control"):
        claim_of(written(tmp_path, *lines))


@pytest.mark.parametrize("text", ["", "x = 1", '"""A norm, in a line."""', 'f"""A norm."""', "b'A norm.'"])
def test_a_file_without_the_lines_has_no_claim(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine.py").write_text(text)
    assert claim_of(stands(tmp_path / "mine.py")) is None


def test_a_measure_from_outside_has_none_whatever_its_file_says(tmp_path: Path) -> None:
    assert claim_of(written(tmp_path, "Claims: the best.", family="external")) is None
    assert claim_of(stands(tmp_path / "gone.py", "external")) is None


RANDOM = "Random labels: nothing."
CLAIMS = "Claims: read into it."


@pytest.mark.parametrize(
    ("lines", "number", "got"),
    [
        (["Claims: larger gap.", RANDOM], 5, "larger gap"),
        (["Claims: larger gap ().", RANDOM], 5, "larger gap"),
        (["Claims: larger gap (eq. 5)", RANDOM], 5, "larger gap"),
        (["Claims: larger gap (figure 1 (left)).", RANDOM], 5, "larger gap"),
        (["Claims: smaller gap (eq. 5).", RANDOM], 5, "smaller gap"),
        (["Claims: read into it (eq. 5).", RANDOM], 5, "read into it"),
        (["Claims:  read into it.", RANDOM], 5, "read into it"),
        ([" Claims: read into it.", RANDOM], 5, "read into it"),
        ([CLAIMS, "Random labels: separates."], 6, "separates"),
        ([CLAIMS, "Random labels: unknown."], 6, "unknown"),
        ([CLAIMS, "Random labels: nothing (table 1)."], 6, "nothing"),
        ([CLAIMS, "Random labels: separates (figure 1). And more."], 6, "separates"),
        ([RANDOM, CLAIMS], 5, "Random labels"),
    ],
)
def test_a_line_that_is_not_of_its_form_is_an_error_that_names_file_and_line(
    tmp_path: Path, lines: list[str], number: int, got: str
) -> None:
    with pytest.raises(HarnessError, match=rf"mine\.py:{number}: got '.*{got}.*'; expected '(Claims|Random labels): "):
        claim_of(written(tmp_path, *lines))


@pytest.mark.parametrize(
    ("lines", "number"),
    [
        ([CLAIMS], 5),
        ([RANDOM], 5),
        ([CLAIMS, "", RANDOM], 5),
        ([CLAIMS, RANDOM, "", "Version 2."], 5),
        ([CLAIMS, CLAIMS, RANDOM], 5),
        ([CLAIMS, RANDOM, RANDOM], 5),
    ],
)
def test_a_line_alone_twice_or_elsewhere_is_an_error_that_names_file_and_line(
    tmp_path: Path, lines: list[str], number: int
) -> None:
    with pytest.raises(HarnessError, match=rf"mine\.py:{number}: .* are the last two lines of the docstring"):
        claim_of(written(tmp_path, *lines))


def test_a_word_that_opens_a_line_of_text_is_not_one_of_the_two(tmp_path: Path) -> None:
    text = textwrap.dedent(
        """\
        The claims stand below. Claims of others: none. Two
        claims: this one, and that one.
        """
    )
    assert claim_of(written(tmp_path, text)) is None


@pytest.fixture
def three(tmp_path: Path) -> list[Declared]:
    """One with a claim, one without, and one from outside."""
    files = [tmp_path / f"{name}.py" for name in ("first", "second", "third")]
    for file, end in zip(files, ("Claims: larger gap (section 3).\n" + RANDOM, "", "Claims: whatever"), strict=True):
        file.write_text(f'"""A norm.\n\n{end}"""\n')
    first, second, third = files
    return [stands(first, source="‖A|B‖, a paper"), stands(second), stands(third, "external", source="")]


def test_the_table_has_a_row_for_each_and_a_dash_for_what_is_not_told(three: list[Declared]) -> None:
    assert claims_table(three).splitlines() == [
        "| measure | source | claims | random labels |",
        "| --- | --- | --- | --- |",
        "| `first` | ‖A\\|B‖, a paper | larger gap (section 3) | nothing |",
        "| `second` | a paper, eq. 2 | – | – |",
        "| `third` | – | – | – |",
    ]


def test_the_json_says_the_same(three: list[Declared]) -> None:
    assert json.loads(claims_json(three)) == {
        "first": {
            "source": "‖A|B‖, a paper",
            "claims": {"kind": "larger gap", "place": "section 3"},
            "random_labels": {"kind": "nothing", "place": ""},
        },
        "second": {"source": "a paper, eq. 2", "claims": None, "random_labels": None},
        "third": {"source": "", "claims": None, "random_labels": None},
    }


def test_a_claim_of_another_form_is_a_sentence_with_file_and_line(tmp_path: Path) -> None:
    wrong = [written(tmp_path, "Claims: it is good.", RANDOM)]
    for shape in (claims_table, claims_json):
        with pytest.raises(HarnessError, match=r"mine\.py:5: got 'Claims: it is good\.'; expected"):
            shape(wrong)


def test_every_measure_of_this_project_has_a_claim() -> None:
    without = sorted({short_path(measure.file) for measure in declared() if claim_of(measure) is None})
    assert not without, f"without the two lines that harness/evaluation/claims.py reads: {', '.join(without)}"
