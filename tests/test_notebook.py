"""`from harness import judge`: the gate's verdict for functions that stand in no file, and how it shows."""

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.notebook import Judgement, judge
from harness.trained_model import TrainedModel
from harness.zoo import GATE, ZOOS, Zoo
from measures import NotApplicable
from measures._registry import registered

pytestmark = pytest.mark.usefixtures("tiny_zoo", "own_registry")


def in_a_cell(source: str) -> dict[str, Any]:
    """What a notebook's cell leaves behind: functions of a `__main__` that nobody can import."""
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(source, "<cell>", "exec"), space)
    return space


NORM = """
from harness.trained_model import TrainedModel

def my_norm(trained):
    return sum(float(each.detach().square().sum()) for each in trained.model.parameters()) ** 0.5
"""


@pytest.fixture(scope="module")
def norm(shared_cache: Path, tiny_zoo: Zoo) -> Judgement:
    return judge(in_a_cell(NORM)["my_norm"], "tiny", cache_dir=str(shared_cache), workers=2)


def test_a_function_of_a_cell_gets_the_verdict_of_the_same_measure_in_a_file(
    norm: Judgement, shared_cache: Path
) -> None:
    registered_one = judge("l2_norm", "tiny", cache_dir=str(shared_cache), workers=2)
    assert norm.passes and registered_one.passes
    for condition in GATE:
        ours, theirs = norm.verdicts[condition], registered_one.verdicts[condition]
        assert (ours.wins, ours.auc, ours.kendall_tau) == (theirs.wins, theirs.auc, theirs.kendall_tau)
    assert len(norm.values) == len(registered_one.values) == 40
    assert [each.seed for each in norm.values] == [each.seed for each in registered_one.values]


def test_a_function_of_a_cell_is_registered_nowhere_and_its_values_are_not_kept(
    norm: Judgement, shared_cache: Path
) -> None:
    assert "my_norm" not in registered
    assert not (shared_cache / "rows" / "my_norm.jsonl").exists()


def test_a_decorated_function_may_be_defined_again_as_cells_are(shared_cache: Path) -> None:
    cell = "from measures import measure\n@measure(source='mine')\ndef again(trained):\n    return float(VALUE)\n"
    first = in_a_cell(cell.replace("VALUE", "1"))["again"]
    second = in_a_cell("\n\n" + cell.replace("VALUE", "2"))["again"]
    for function, value in ((first, 1.0), (second, 2.0)):
        judgement = judge(function, "tiny", cache_dir=str(shared_cache), workers=2)
        assert {each.value for each in judgement.values} == {value}
        assert not judgement.passes


def test_its_text_is_the_terminals_table_and_sentence(norm: Judgement) -> None:
    lines = repr(norm).splitlines()
    assert lines[0].split()[:3] == ["measure", "randomized", "wins"]
    assert [line.split()[:3] for line in lines[1:4]] == [["my_norm", each, "10/10"] for each in GATE]
    assert lines[5] == "my_norm PASSES the gate: it separates in all 3 randomizations"


class Elements(HTMLParser):
    def __init__(self, text: str):
        super().__init__()
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)


def test_its_html_is_a_captioned_table_and_a_figure_the_same_every_time(norm: Judgement) -> None:
    text = norm._repr_html_()
    tags = Elements(text).tags
    assert tags.count("svg") == tags.count("table") == tags.count("caption") == 1
    assert tags.count("tr") == 4
    assert "PASSES the gate" in text
    assert text == norm._repr_html_()


def test_what_a_measure_is_called_or_says_is_text(shared_cache: Path) -> None:
    def refuses(trained: TrainedModel) -> float:
        raise NotApplicable("<img src=x onerror=alert(1)> $\\frac{a}$")

    refuses.__name__ = "refuses"
    judgement = judge(refuses, "tiny", cache_dir=str(shared_cache), workers=2)
    renamed = Judgement("<script>alert(1)</script>", "tiny", judgement.verdicts, judgement.values, {})
    tags = Elements(renamed._repr_html_()).tags
    assert "script" not in tags and "img" not in tags
    assert "&lt;img src=x" in renamed._repr_html_()
    assert not judgement.passes
    assert "no value on random labels: <img" in repr(judgement)


def draws_from_the_global_state(trained: TrainedModel) -> float:
    import torch

    return float(torch.rand(()))


def raises(trained: TrainedModel) -> float:
    raise ZeroDivisionError("by hand")


def changes_the_model(trained: TrainedModel) -> float:
    next(trained.model.parameters()).data.zero_()
    return 0.0


@pytest.mark.parametrize(
    ("function", "reason"),
    [(draws_from_the_global_state, "random"), (raises, "ZeroDivisionError: by hand"), (changes_the_model, "changed")],
)
def test_the_checks_are_those_of_the_suites(function: Any, reason: str, shared_cache: Path) -> None:
    judgement = judge(function, "tiny", cache_dir=str(shared_cache), workers=2)
    verdict = judgement.verdicts["random_labels"]
    assert verdict.status == "error"
    assert reason in verdict.reason


@pytest.mark.parametrize(
    ("measure", "zoo", "sentence"),
    [
        ("l2_nrom", "tiny", "unknown measure 'l2_nrom'; did you mean 'l2_norm'"),
        ("l2_norm", "digit", "unknown zoo 'digit'; did you mean 'digits'"),
        ("l2_norm,path_norm", "tiny", "names 2 measures; judge takes one"),
        (lambda trained: 1.0, "tiny", "<lambda> is no name"),
        (lambda: 1.0, "tiny", "<lambda> is no name"),
        (in_a_cell("def two(a, b): return 1.0")["two"], "tiny", "two takes 2 arguments"),
        (3, "tiny", "3 is no measure; expected a name, or a function"),
    ],
)
def test_what_cannot_be_judged_is_one_sentence(measure: Any, zoo: str, sentence: str, shared_cache: Path) -> None:
    with pytest.raises(HarnessError) as problem:
        judge(measure, zoo, cache_dir=str(shared_cache))
    assert sentence in str(problem.value)


def test_a_network_that_does_not_fit_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lazy = Zoo("lazy", "digits", {"mlp_1x64": 0.3}, 10, 100, training={"max_epochs": 1})
    monkeypatch.setitem(ZOOS, "lazy", lazy)
    with pytest.raises(HarnessError, match=r"no verdict on l2_norm: lazy|no verdict on l2_norm: digits-mlp_1x64"):
        judge("l2_norm", "lazy", cache_dir=str(tmp_path), workers=2)


def test_importing_the_package_stays_without_torch() -> None:
    check = "import sys, harness; assert 'torch' not in sys.modules; from harness import judge; assert callable(judge)"
    subprocess.run([sys.executable, "-c", check], check=True)


@pytest.mark.slow
def test_a_real_notebook_shows_the_verdict_as_a_table_and_a_figure(tmp_path: Path) -> None:
    import nbclient
    import nbformat

    cells = [
        "from harness import judge\nfrom harness.zoo import ZOOS, Zoo\n"
        "ZOOS['small'] = Zoo('small', 'digits', {'mlp_1x64': 0.3}, 10, num_train=100)",
        "import math\n\ndef my_norm(trained):\n"
        "    return math.sqrt(sum(float(each.detach().square().sum()) for each in trained.model.parameters()))",
        f"judge(my_norm, zoo='small', cache_dir={str(tmp_path)!r}, workers=2)",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in cells])
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    (output,) = (each for each in notebook.cells[2].outputs if each.output_type == "execute_result")
    assert "my_norm PASSES the gate" in output.data["text/plain"]
    tags = Elements(output.data["text/html"]).tags
    assert "svg" in tags and "table" in tags
