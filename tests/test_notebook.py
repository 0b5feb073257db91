"""A measure judged from Python: a function that no file has, as well as what workers can import."""

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import nbformat
import pytest
import torch
from nbclient import NotebookClient

from harness import judge
from harness.errors import HarnessError
from harness.notebook import Judgement
from harness.notebook_view import as_svg
from harness.zoo import GATE, ZOOS, Zoo
from measures import NotApplicable, measure

pytestmark = pytest.mark.usefixtures("own_registry")

ROOT = Path(__file__).parent.parent


def steps_taken(trained: Any) -> float:
    return float(trained.history.steps)


def raises(trained: Any) -> float:
    raise ValueError("<b>something</b> broke")


def draws_from_torch(trained: Any) -> float:
    return float(torch.rand(1))


def changes_the_inputs(trained: Any) -> float:
    trained.inputs.add_(1)
    return 1.0


def returns_nan(trained: Any) -> float:
    return float("nan")


def has_no_meaning(trained: Any) -> float:
    raise NotApplicable("no margin")


def interrupted(trained: Any) -> float:
    raise KeyboardInterrupt


def two_arguments(trained: Any, other: Any) -> float:
    return 1.0


@pytest.fixture
def on_tiny(shared_cache: Path) -> Any:
    return lambda given, **more: judge(given, zoo="tiny", cache_dir=str(shared_cache), workers=2, **more)


def test_a_plain_function_gets_the_values_and_verdicts_that_workers_give_the_same_measure(
    on_tiny: Any, shared_cache: Path
) -> None:
    def epochs_to_stop(trained: Any) -> float:
        from measures.controls.epochs_to_stop import epochs_to_stop as registered

        return registered(trained)

    here, there = on_tiny(epochs_to_stop), on_tiny("epochs_to_stop")
    assert here.values == there.values
    assert here.passes == there.passes
    assert [dataclasses.replace(each, seconds=0) for each in here.verdicts.values()] == [
        dataclasses.replace(each, seconds=0) for each in there.verdicts.values()
    ]
    assert len(here.values) == 40 and {each.condition for each in here.values} == {"true_labels", *GATE}


def test_rows_of_a_plain_function_are_not_kept(on_tiny: Any, shared_cache: Path) -> None:
    on_tiny(steps_taken)
    assert not (shared_cache / "rows" / "steps_taken.jsonl").exists()


@pytest.mark.parametrize(
    ("function", "status", "reason"),
    [
        (raises, "error", "it raised ValueError: <b>something</b> broke"),
        (draws_from_torch, "error", "it changed torch's global random state"),
        (changes_the_inputs, "error", "it changed the inputs"),
        (returns_nan, "error", "it returned nan"),
        (has_no_meaning, "not_applicable", "no margin"),
    ],
)
def test_a_plain_function_is_checked_as_in_a_worker(on_tiny: Any, function: Any, status: str, reason: str) -> None:
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    found: Judgement = on_tiny(function)
    assert {each.status for each in found.verdicts.values()} == {status}
    assert all(each.reason.startswith(reason) for each in found.values), found.values[0]
    assert not found.passes
    assert torch.equal(torch.get_rng_state(), state) and torch.get_num_threads() == threads
    assert "<b>" not in found._repr_html_()


def test_a_plain_function_that_does_not_repeat_is_told_so(on_tiny: Any) -> None:
    calls: list[int] = []

    def counts_its_calls(trained: Any) -> float:
        calls.append(1)
        return float(len(calls))

    reasons = {each.reason[:23] for each in on_tiny(counts_its_calls).values}
    assert reasons == {"", "it is not deterministic"}


def test_an_interrupt_is_the_users_and_no_row(on_tiny: Any) -> None:
    with pytest.raises(KeyboardInterrupt):
        on_tiny(interrupted)


def test_it_prints_as_the_terminals_table_and_sentence(on_tiny: Any) -> None:
    text = repr(on_tiny("parameter_count"))
    assert text.splitlines()[0] == "tiny zoo, 10 twins a condition"
    assert "parameter_count  gaussian       0/10     10  1  " in text
    assert text.endswith(
        "parameter_count FAILS the gate: overlaps on random labels, overlaps on random pixels, overlaps on gaussian"
    )


def test_a_name_that_is_markup_shows_as_text(on_tiny: Any) -> None:
    found: Judgement = dataclasses.replace(on_tiny(steps_taken), measure="<script>$x$</script>", zoo="a & b")
    html = found._repr_html_()
    assert "<script" not in html and "&lt;script&gt;$x$&lt;/script&gt;" in html
    ElementTree.fromstring(html)  # well-formed throughout


def test_the_figure_has_both_marks_of_every_twin_a_name_and_one_text(on_tiny: Any) -> None:
    found: Judgement = on_tiny(steps_taken)
    text = as_svg(found)
    assert as_svg(found) == text
    figure = ElementTree.fromstring(text)
    assert figure.get("role") == "img" and "steps_taken" in str(figure.get("aria-label"))
    assert len(re.findall("<use ", text)) >= 2 * 30
    assert "mlp_1x64" in text and "mlp_1x128" in text
    assert not re.search(r"(?<!\.shatterproof )\*\{", text)  # its style is for itself, not for the page


def test_values_of_any_size_or_none_are_drawn(on_tiny: Any) -> None:
    found: Judgement = on_tiny(steps_taken)
    for sizes in ((1e-300, 1e300), (-1.7e308, 1.7e308), (1e-3, 1e9), (0.0, 0.0), (None, None)):
        values = [dataclasses.replace(each, value=sizes[each.seed % 2]) for each in found.values]
        text = as_svg(dataclasses.replace(found, values=tuple(values)))
        assert ("no value" in text) == (sizes[0] is None)


@pytest.mark.parametrize(
    ("given", "zoo", "sentence"),
    [
        ("l2_nrm", "tiny", "unknown measure 'l2_nrm'; did you mean 'l2_norm'"),
        ("l2_norm", "digts", "unknown zoo 'digts'; did you mean 'digits'"),
        ("l2_norm,path_norm", "tiny", "names 2 measures; judge takes one"),
        (two_arguments, "tiny", "two_arguments takes 2 arguments; a measure takes one, the trained model"),
        (3, "tiny", "judge got 3; expected a measure's name or a function of one trained model"),
    ],
)
def test_what_cannot_be_judged_is_one_sentence(given: Any, zoo: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=re.escape(sentence)) as caught:
        judge(given, zoo=zoo, cache_dir=str(tmp_path))
    assert "\n" not in str(caught.value)


def test_a_model_that_did_not_fit_is_named_and_nobody_is_judged(
    monkeypatch: pytest.MonkeyPatch, shared_cache: Path
) -> None:
    unfit = Zoo("unfit", "digits", {"mlp_1x1": 0.01}, 10, num_train=20, training={"max_epochs": 1})
    monkeypatch.setitem(ZOOS, "unfit", unfit)
    with pytest.raises(HarnessError, match=r"no verdict on steps_taken: digits-mlp_1x1.* stopped at cross-entropy"):
        judge(steps_taken, zoo="unfit", cache_dir=str(shared_cache), workers=2)


def test_a_cell_that_is_run_again_replaces_its_measure() -> None:
    for value in (1.0, 2.0):
        cell = f"def of_a_cell(trained):\n    return {value}\n" + "\n" * int(value)
        names: dict[str, Any] = {"__name__": "__main__"}
        exec(compile(cell, f"/nowhere/{value}.py", "exec"), names)
        assert measure(source="a test")(names["of_a_cell"])(None) == value  # type: ignore[arg-type]


def test_importing_the_harness_imports_no_torch() -> None:
    code = "import sys, harness; assert 'torch' not in sys.modules and 'matplotlib' not in sys.modules; harness.judge"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.slow
def test_questions_are_answered_or_their_premise_is_named(on_tiny: Any) -> None:
    found: Judgement = on_tiny(steps_taken, findings=True)
    answers = [each for some in found.findings.values() for each in some.values()]
    assert any(each.status for each in answers)
    assert all(each.status or each.skipped for each in answers)
    assert "what steps_taken really sees" in repr(found)
    ElementTree.fromstring(found._repr_html_())


CELLS = (
    """
    from harness import judge
    from harness.zoo import ZOOS, Zoo
    from measures import measure

    ZOOS["small"] = Zoo("small", "digits", {"mlp_1x64": 0.3}, seeds_per_network=10, num_train=100)
    """,
    """
    def length(trained):
        return sum(float(weight.detach().square().sum()) for weight in trained.model.parameters())

    judge(length, zoo="small", cache_dir="store", workers=2)
    """,
    """
    @measure(source="a notebook")
    def steps_taken(trained):
        return float(trained.history.steps)

    judge(steps_taken, zoo="small", cache_dir="store", workers=2)
    """,
    """
    judge("l2_norm", zoo="small", cache_dir="store", workers=2)
    """,
)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # those of Jupyter are its own
def test_a_jupyter_kernel_trains_judges_and_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    cells = [nbformat.v4.new_code_cell(re.sub("(?m)^    ", "", cell).strip()) for cell in CELLS]
    notebook = nbformat.v4.new_notebook(cells=cells)
    client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}})
    client.execute()
    for cell, name in zip(notebook.cells[1:], ("length", "steps_taken", "l2_norm"), strict=True):
        (shown,) = [output["data"] for output in cell.outputs if output.output_type == "execute_result"]
        assert re.search(rf"^{name} (PASSES|FAILS) the gate: ", shown["text/plain"], re.MULTILINE)
        assert f"<caption>{name}, small zoo, 10 twins a condition</caption>" in shown["text/html"]
        assert "<svg" in shown["text/html"]
    assert "training" in "".join(output.get("text", "") for output in notebook.cells[1].outputs)
    assert {path.stem for path in (tmp_path / "store" / "rows").iterdir()} == {"l2_norm"}
