"""A measure judged from Python: a function that no file has, as well as what workers can import."""

import dataclasses
import os
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import nbformat
import pytest
import torch
from nbclient import NotebookClient

from harness import judge
from harness.errors import HarnessError
from harness.judgement import as_svg
from harness.notebook import Judgement
from harness.zoo.zoo import GATE, Zoo
from harness.zoo.zoos import ZOOS
from measures import NotApplicable, measure
from tests import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_registry")]


def in_a_cell(function: Callable[..., float]) -> Callable[..., float]:
    """As a kernel defines it: in no module that another process could import."""
    function.__module__ = "__main__"
    return function


@in_a_cell
def epochs_taken(trained: Any) -> float:
    return float(trained.history.epochs)


@in_a_cell
def raises(trained: Any) -> float:
    raise ValueError("<b>something</b> broke")


@in_a_cell
def draws_from_torch(trained: Any) -> float:
    return float(torch.rand(1))


@in_a_cell
def changes_the_inputs(trained: Any) -> float:
    trained.inputs.add_(1)
    return 1.0


@in_a_cell
def returns_nan(trained: Any) -> float:
    return float("nan")


@in_a_cell
def has_no_meaning(trained: Any) -> float:
    raise NotApplicable("no margin")


@in_a_cell
def two_arguments(trained: Any, other: Any) -> float:
    return 1.0


@pytest.fixture
def on_tiny(shared_cache: Path) -> Any:
    return lambda given, **more: judge(given, zoo="tiny", cache_dir=str(shared_cache), workers=2, **more)


@pytest.fixture(scope="module")
def judged(shared_cache: Path, tiny_zoo: Zoo) -> Judgement:
    """Of epochs_taken, for the tests that look at one."""
    return judge(epochs_taken, zoo="tiny", cache_dir=str(shared_cache), workers=2)


@pytest.mark.slow
def test_a_plain_function_gets_the_values_and_verdicts_that_workers_give_the_same_measure(
    on_tiny: Any, shared_cache: Path
) -> None:
    def epochs_to_stop(trained: Any) -> float:
        from measures.controls.epochs_to_stop import epochs_to_stop as registered

        return registered(trained)

    here, there = on_tiny(epochs_to_stop), on_tiny("epochs_to_stop")
    assert here.values == there.values
    assert here.passes == there.passes
    assert [dataclasses.replace(verdict, seconds=0) for verdict in here.verdicts.values()] == [
        dataclasses.replace(verdict, seconds=0) for verdict in there.verdicts.values()
    ]
    assert len(here.values) == 40 and {value.condition for value in here.values} == {"true_labels", *GATE}


@pytest.mark.slow
def test_a_function_that_cannot_be_sent_is_called_in_this_process_and_that_is_said(
    on_tiny: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    lock, processes = threading.Lock(), set[int]()

    def epochs(trained: Any) -> float:
        with lock:
            processes.add(os.getpid())
        return float(trained.history.epochs)

    def sent(trained: Any) -> float:
        return float(trained.history.epochs)

    assert on_tiny(epochs).values == on_tiny(sent).values
    assert processes == {os.getpid()}
    said = "epochs cannot be sent to another process (TypeError: cannot pickle '_thread.lock' object): it is called in"
    assert said in capsys.readouterr().out


def test_rows_of_a_plain_function_are_not_kept(judged: Judgement, shared_cache: Path) -> None:
    assert judged.values
    assert not (shared_cache / "rows" / "epochs_taken.jsonl").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (raises, "it raised ValueError: <b>something</b> broke"),
        (draws_from_torch, "it changed torch's global random state"),
        (changes_the_inputs, "it changed the inputs"),
        (returns_nan, "it returned nan"),
    ],
)
def test_a_plain_function_is_checked_as_in_a_worker_and_what_it_does_is_shown_once(
    on_tiny: Any, function: Any, reason: str
) -> None:
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    found: Judgement = on_tiny(function)
    assert (found.verdicts, found.values, found.passes) == ({}, (), False)
    assert found.crash.startswith(reason)
    assert torch.equal(torch.get_rng_state(), state) and torch.get_num_threads() == threads
    for shown in (repr(found), found._repr_html_()):
        assert shown.count("has no verdict: ") == 1 and "before anything was trained" in shown
        assert "FAILS" not in shown and shown.count("Traceback") == shown.count(f"({__file__}:") == (function is raises)
    assert "<b>" not in found._repr_html_()


@pytest.mark.slow
def test_out_of_time_it_names_the_argument_and_no_option(on_tiny: Any) -> None:
    def hangs(trained: Any) -> float:
        time.sleep(60)
        return 1.0

    assert "within 0.5 s (measure_timeout), when it was tried" in on_tiny(hangs, measure_timeout=0.5).crash


@pytest.mark.slow
def test_a_function_that_applies_to_no_network_is_judged_so(on_tiny: Any) -> None:
    found: Judgement = on_tiny(has_no_meaning)
    assert {verdict.status for verdict in found.verdicts.values()} == {"not_applicable"}
    assert {value.reason for value in found.values} == {"no margin"}


@pytest.mark.slow
def test_a_function_that_raises_on_real_networks_alone_has_its_line_in_the_text_and_the_page(on_tiny: Any) -> None:
    def raises_on_real_ones(trained: Any) -> float:
        print("I am called")
        return 1.0 if sum(weight.numel() for weight in trained.model.parameters()) < 4000 else trained.lables

    found: Judgement = on_tiny(raises_on_real_ones)
    assert {verdict.status for verdict in found.verdicts.values()} == {"error"}
    for shown in (repr(found), found._repr_html_()):
        assert "did you mean" in shown and f"{__file__}:" in shown and shown.count("Traceback") == 1
        assert "FAILS" not in shown


@pytest.mark.slow
@pytest.mark.parametrize("lock", [None, threading.Lock()], ids=["sent", "not-sent"])
def test_a_plain_function_that_does_not_repeat_is_told_so(on_tiny: Any, lock: object) -> None:
    def differs(trained: Any) -> float:
        assert lock is None or lock  # one that refers to a lock cannot be sent
        return time.perf_counter()

    assert on_tiny(differs).crash.startswith("it is not deterministic")


@pytest.mark.slow
def test_a_function_that_is_sent_begins_every_call_with_what_it_refers_to_as_it_was(on_tiny: Any) -> None:
    calls: list[int] = []

    def counts_its_calls(trained: Any) -> float:
        calls.append(1)
        return float(len(calls))

    assert {value.value for value in on_tiny(counts_its_calls).values} == {1.0} and not calls


def test_an_interrupt_is_the_users_and_no_row(on_tiny: Any) -> None:
    lock = threading.Lock()

    def interrupted(trained: Any) -> float:
        with lock:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        on_tiny(interrupted)


def test_it_prints_as_the_terminals_table_and_sentence(on_tiny: Any) -> None:
    text = repr(on_tiny("parameter_count"))
    assert text.splitlines()[0] == "tiny zoo, 10 twins a condition"
    assert "parameter_count  gaussian       0/10   0/10     10  1  " in text
    assert text.endswith(
        "parameter_count FAILS the gate: overlaps on random labels, overlaps on random pixels, overlaps on gaussian; "
        "at worst random labels: 0 of 10 units (10 needed)"
    )


def test_a_name_that_is_markup_shows_as_text(judged: Judgement) -> None:
    found = dataclasses.replace(judged, measure="<script>$x$</script>", zoo="a & b")
    html = found._repr_html_()
    assert "<script" not in html and "&lt;script&gt;$x$&lt;/script&gt;" in html
    ElementTree.fromstring(html)  # well-formed throughout


def test_the_figure_has_both_marks_of_every_twin_a_name_and_one_text(judged: Judgement) -> None:
    text = as_svg(judged)
    assert as_svg(judged) == text
    figure = ElementTree.fromstring(text)
    assert figure.get("role") == "img" and "epochs_taken" in str(figure.get("aria-label"))
    assert len(re.findall("<use ", text)) >= 2 * 30
    assert "mlp_1x64" in text and "mlp_1x128" in text
    assert not re.search(r"(?<!\.shatterproof )\*\{", text)  # its style is for itself, not for the page


def test_values_of_any_size_or_none_are_drawn(judged: Judgement) -> None:
    for sizes in ((1e-300, 1e300), (-1.7e308, 1.7e308), (1e-3, 1e9), (0.0, 0.0), (None, None)):
        values = [dataclasses.replace(value, value=sizes[value.seed % 2]) for value in judged.values]
        text = as_svg(dataclasses.replace(judged, values=tuple(values)))
        assert ("no value" in text) == (sizes[0] is None)


@pytest.mark.parametrize(
    ("given", "zoo", "sentence"),
    [
        ("l2_nrm", "tiny", "unknown measure 'l2_nrm'; did you mean 'l2_norm'"),
        ("l2_norm", "digts", "unknown zoo 'digts'; did you mean 'digits'"),
        ("l2_norm,path_norm", "tiny", "names 2 measures; judge takes one"),
        (two_arguments, "tiny", "two_arguments takes 2 arguments; a measure takes one, the trained model"),
        ("l2_norm", "", "zoo is given without a value; name one, or leave it out"),
        ("", "tiny", "measure is given without a value; name one, or leave it out"),
        ("l2_norm", 3, "zoo is 3 (of type int); expected text, a Path, a Zoo or None"),
        ("l2_norm", Path("gone.py::zoo"), "zoo=gone.py::zoo: there is no file"),
        (3, "tiny", "judge got 3; expected a measure's name or a function of one trained model"),
    ],
)
def test_what_cannot_be_judged_is_one_sentence(given: Any, zoo: Any, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=re.escape(sentence)) as caught:
        judge(given, zoo=zoo, cache_dir=str(tmp_path))
    assert "\n" not in str(caught.value)


UNFIT = {f"mlp_1x{width}": 0.01 for width in range(1, 11)}


def test_a_model_that_did_not_fit_is_named_and_nobody_is_judged(
    monkeypatch: pytest.MonkeyPatch, shared_cache: Path
) -> None:
    unfit = Zoo("unfit", "digits", UNFIT, seeds_per_network=1, num_train=20, training={"max_epochs": 1})
    monkeypatch.setitem(ZOOS, "unfit", unfit)
    with pytest.raises(HarnessError, match=r"no verdict on epochs_taken: digits-mlp_1x1.* stopped at cross-entropy"):
        judge(epochs_taken, zoo="unfit", cache_dir=str(shared_cache), workers=2)


def test_a_cell_that_is_run_again_replaces_its_measure() -> None:
    for value in (1.0, 2.0):
        cell = f"def of_a_cell(trained):\n    return {value}\n" + "\n" * int(value)
        names: dict[str, Any] = {"__name__": "__main__"}
        exec(compile(cell, f"/nowhere/{value}.py", "exec"), names)
        assert measure(source="a test")(names["of_a_cell"])(None) == value  # type: ignore[arg-type]


@pytest.mark.long
@pytest.mark.slow
def test_questions_are_answered_or_their_premise_is_named(on_tiny: Any) -> None:
    found: Judgement = on_tiny(epochs_taken, findings=True)
    findings = [finding for some in found.findings.values() for finding in some.values()]
    assert any(finding.status for finding in findings)
    assert all(finding.status or finding.skipped for finding in findings)
    assert "what epochs_taken really sees" in repr(found)
    ElementTree.fromstring(found._repr_html_())


CELLS = (
    """
    from harness import judge
    from harness.zoo.zoo import Zoo
    from harness.zoo.zoos import ZOOS
    from measures import measure

    networks = {f"mlp_1x{width}": 0.3 for width in range(40, 50)}
    ZOOS["small"] = Zoo("small", "digits", networks, seeds_per_network=1, num_train=100)
    """,
    """
    def length(trained):
        return sum(float(weight.detach().square().sum()) for weight in trained.model.parameters())

    judge(length, zoo="small", cache_dir="store", workers=2)
    """,
    """
    @measure(source="a notebook")
    def epochs_taken(trained):
        return float(trained.history.steps)

    judge(epochs_taken, zoo="small", cache_dir="store", workers=2)
    """,
    """
    judge("l2_norm", zoo="small", cache_dir="store", workers=2)
    """,
)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # those of Jupyter are its own
def test_a_jupyter_kernel_trains_judges_and_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    cells = [nbformat.v4.new_code_cell(re.sub("(?m)^    ", "", cell).strip()) for cell in CELLS]
    notebook = nbformat.v4.new_notebook(cells=cells)
    client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}})
    client.execute()
    for cell, name in zip(notebook.cells[1:], ("length", "epochs_taken", "l2_norm"), strict=True):
        (shown,) = [output["data"] for output in cell.outputs if output.output_type == "execute_result"]
        assert re.search(rf"^{name} (PASSES|FAILS) the gate: ", shown["text/plain"], re.MULTILINE)
        assert f"<caption>{name}, small zoo, 10 twins a condition</caption>" in shown["text/html"]
        assert "<svg" in shown["text/html"]
    assert "training" in "".join(output.get("text", "") for output in notebook.cells[1].outputs)
    assert {path.stem for path in (tmp_path / "store" / "rows").iterdir()} == {"l2_norm"}
