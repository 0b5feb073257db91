"""pytest suites/ --measure=...: ids, options, exit codes, messages, and that nothing is lost.

Runs in this process where it can, on the tiny zoo, with models and rows shared by the tests of this file.
"""

import re
import shlex
from pathlib import Path

import pytest

from harness.records.record_files import read_record
from tests import ROOT
from tests.conftest import SUITES, TINY, WIDTHS, Run

MISBEHAVING = ROOT / "tests" / "builders" / "misbehaving_measures.py"

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_registry")]


@pytest.mark.slow
def test_a_measure_that_passes_exits_0_and_says_so(run: Run) -> None:
    result = run("--measure=l2_norm")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "*suites/test_random_inputs.py .... *",
            "*suites/test_random_labels.py ..",
            "l2_norm PASSES the gate: it separates in all 3 randomizations; at worst *: 10 of 10 units (10 needed)",
            "*suites/test_contract.py .....s *",
            "*suites/test_corrupted_labels.py ... *",
            "*suites/test_cost.py .......... *",
            "*suites/test_early_stopping.py .x *",
            "*suites/test_hyperparameters.py .s *",
            "*suites/test_noise_floor.py . *",
            "*suites/test_regularizers.py xsss *",  # on a hundred images regularizers do raise the gap
            "*suites/test_reparametrization.py .... *",
            "*suites/test_same_data.py .. *",
            "*suites/test_sample_size.py .x *",
            "*suites/test_shuffled_pixels.py .. *",
            "*suites/test_stopping_rule.py ... *",
            "*suites/test_what_it_reads.py . * [[]100%]",
            "*tiny zoo, 10 twins a condition*",
            "measure  randomized *",
            "l2_norm  random_labels  10/10  10/10 * separates",
            "l2_norm  random_pixels  10/10  10/10 * separates",
            "l2_norm  gaussian       10/10  10/10 * separates",
            "10 of 10 units must be won: to pass in 80% of zoos *",
            "l2_norm PASSES the gate: it separates in all 3 randomizations*",
            "what l2_norm really sees: passes 6 of 8 findings",
            "  same_data  * separates      larger in 10 of 10 units, p = 0.00098",
            "  regularizers: dropout  * not judged     the premise does not hold: *",
            "  sample_size  * falls          falls in *",
            "  hyperparameters  * not judged     the tiny zoo has no grid of hyperparameters",
        ]
    )


@pytest.mark.parametrize("name", ["constant", "parameter_count"])
def test_a_measure_that_ties_exits_1_and_says_that_it_ties_on_every_twin(run: Run, name: str) -> None:
    result = run(f"--measure={name}", "-m", "gate")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            f"{name} cannot tell random labels from natural data: it ties on every one of 10 twins (sign test p = 1, *",
            f"  reproduce: pytest *test_random_labels.py --measure={name} --zoo=tiny",
            f"{name} FAILS the gate: overlaps on random labels, overlaps on random pixels, overlaps on gaussian; at *",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["coin_flip", "train_loss"])
def test_a_control_that_differs_without_telling_exits_1(run: Run, name: str) -> None:
    result = run(f"--measure={name}", "-m", "gate")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [f"{name} cannot tell random labels from natural data: larger on the*", f"{name} FAILS*"]
    )


GATE_IDS = [
    "test_random_inputs.py::test_every_model_fits_its_training_set[random_pixels]",
    "test_random_inputs.py::test_every_model_fits_its_training_set[gaussian]",
    "test_random_inputs.py::test_separates_random_pixels[l2_norm]",
    "test_random_inputs.py::test_separates_random_pixels[path_norm]",
    "test_random_inputs.py::test_separates_gaussian[l2_norm]",
    "test_random_inputs.py::test_separates_gaussian[path_norm]",
    "test_random_labels.py::test_every_model_fits_its_training_set",
    "test_random_labels.py::test_separates[l2_norm]",
    "test_random_labels.py::test_separates[path_norm]",
]

OTHER_IDS = [
    "test_contract.py::test_returns_one_finite_number",
    "test_contract.py::test_repeats",
    "test_contract.py::test_leaves_everything_as_it_was",
    "test_contract.py::test_draws_only_from_its_generator",
    "test_contract.py::test_does_not_depend_on_the_order_of_examples",
    "test_contract.py::test_does_not_depend_on_the_device",
    "test_corrupted_labels.py::test_grows_with_the_corrupted_fraction",
    "test_corrupted_labels.py::test_grows_with_the_attack",
    "test_early_stopping.py::test_is_where_the_gap_is_after_three_epochs",
    "test_hyperparameters.py::test_ranks_the_grid",
    "test_noise_floor.py::test_its_draws_leave_the_signal_standing",
    "test_regularizers.py::test_is_quiet_under_weight_decay",
    "test_regularizers.py::test_is_quiet_under_dropout",
    "test_regularizers.py::test_is_quiet_under_random_crops",
    "test_reparametrization.py::test_layer_rescaling_moves_it_unless_declared",
    "test_reparametrization.py::test_unit_permutation_moves_it_unless_declared",
    "test_reparametrization.py::test_batch_norm_folding_moves_it_unless_declared",
    "test_reparametrization.py::test_logit_shift_moves_it_unless_declared",
    "test_same_data.py::test_separates_the_same_data",
    "test_sample_size.py::test_grows_with_fewer_images",
    "test_shuffled_pixels.py::test_is_silent",
    *(f"test_stopping_rule.py::test_survives_equal_{what}" for what in ("steps", "training_errors")),
    "test_what_it_reads.py::test_what_it_reads",
]


def test_item_ids_read_as_sentences_with_the_gate_first_and_every_file_in_order(run: Run) -> None:
    result = run("--measure=path_norm,l2_norm", "--collect-only", "-q")
    ids = [line.rsplit("suites/", 1)[1] for line in result.outlines if "::" in line]
    assert ids[: len(GATE_IDS)] == GATE_IDS
    findings = [name.split("::")[0] for name in ids[len(GATE_IDS) :]]
    assert findings == sorted(findings)
    about_one = [name.removesuffix("[l2_norm]") for name in ids[len(GATE_IDS) :] if name.endswith("[l2_norm]")]
    assert about_one == OTHER_IDS
    assert [name for name in ids if name.startswith("test_cost.py")] == [
        f"test_cost.py::test_cost[{measure}-mlp_1x{width}]" for measure in ("l2_norm", "path_norm") for width in WIDTHS
    ]


def test_collecting_trains_nothing(run: Run, tmp_path: Path) -> None:
    assert run("--measure=l2_norm", f"--cache-dir={tmp_path}", "--collect-only", "-q").ret == 0
    assert not [*tmp_path.rglob("entry.json")]


def test_the_gate_alone_can_be_selected(run: Run) -> None:
    run("--measure=l2_norm", "-m", "gate").assert_outcomes(passed=6, deselected=42)


def test_the_contract_alone_can_be_selected(run: Run) -> None:
    outcomes = run("--measure=l2_norm", "-m", "contract").parseoutcomes()
    assert (outcomes["passed"] + outcomes.get("skipped", 0), outcomes["deselected"]) == (6, 42)


@pytest.mark.slow
def test_a_finding_that_falls_short_is_xfailed_with_its_sentence_and_fails_the_run_if_asked_to(run: Run) -> None:
    chosen = ("--measure=constant", "-m", "finding", "-k", "same_data")
    result = run(*chosen, "-rx")
    assert (result.ret, result.parseoutcomes()["xfailed"]) == (0, 1)
    sentence = (
        "constant: data only: it ties on every one of 10 twins that share images and labels (larger in 0 of 10 units*"
    )
    result.stdout.fnmatch_lines([f"*{sentence}"])
    failing = run(*chosen, "--findings=fail")
    assert (failing.ret, failing.parseoutcomes()["failed"]) == (1, 1)
    failing.stdout.fnmatch_lines([sentence, "  reproduce: pytest *test_same_data.py --measure=constant --zoo=tiny"])


@pytest.mark.slow
def test_a_premise_that_does_not_hold_fails_the_run_only_if_asked_to_and_nobody_is_judged(run: Run) -> None:
    chosen = ("--measure=l2_norm", "-m", "finding", "-k", "regularizers")
    outcomes = run(*chosen).parseoutcomes()
    assert (outcomes["xfailed"], outcomes["skipped"], outcomes.get("failed", 0)) == (1, 3, 0)
    failing = run(*chosen, "--findings=fail")
    assert (failing.ret, failing.parseoutcomes()["failed"], failing.parseoutcomes()["skipped"]) == (1, 1, 3)
    failing.stdout.fnmatch_lines(["random crop raises the gap itself: by *"])


def test_a_part_of_the_gate_gives_no_overall_verdict(run: Run) -> None:
    result = run("--measure=l2_norm", "-k", "random_labels and separates")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["l2_norm: no overall verdict; the gate is all of it, and only random labels ran"])


def test_x_stops_at_the_first_failure(run: Run) -> None:
    result = run("--measure=constant,parameter_count", "-m", "gate", "-x")
    assert result.ret == 1
    assert result.parseoutcomes()["failed"] == 1


def test_repeated_measures_are_judged_side_by_side(run: Run) -> None:
    result = run("--measure=l2_norm", "--measure=constant", "-m", "gate")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["constant FAILS the gate*", "l2_norm PASSES the gate*"])


def test_junit_carries_the_measure_and_its_verdict(run: Run, tmp_path: Path) -> None:
    run("--measure=constant", "-m", "gate", f"--junitxml={tmp_path}/junit.xml")
    text = (tmp_path / "junit.xml").read_text()
    assert '<property name="measure" value="constant"' in text
    assert '<property name="verdict" value="overlaps"' in text
    assert '<property name="p_value" value="1.0"' in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--measure=l2_nrom"], "unknown measure 'l2_nrom'; did you mean 'l2_norm'"),
        (["--measure=gone.py::f"], "--measure=gone.py::f: there is no file"),
        (["--measure=l2_norm", "--zoo=digit"], "unknown zoo 'digit'; did you mean 'digits'"),
        (["--measure=l2_norm", "--workers=0"], "--workers is 0; expected 1 or more"),
        (["--measure=l2_norm", "--measure-timeout=0"], "--measure-timeout is 0; expected a number of seconds above 0"),
        (["--measure=l2_norm", "--cache-dir=/proc/nowhere"], "the cache folder /proc/nowhere cannot be written"),
        (["--measure=l2_norm", "--device=warp"], "--device warp cannot be used here"),
        (["--measure=l2_norm", "--leaderboard=/no/such/folder/out.json"], "--leaderboard=/no/such/folder/out.json"),
    ],
)
def test_options_that_make_no_sense_are_usage_errors_before_anything_runs(
    run: Run, arguments: list[str], message: str
) -> None:
    result = run(*arguments)
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"ERROR: {message}*"])
    assert "Traceback" not in result.stderr.str() + result.stdout.str()


@pytest.mark.parametrize(
    ("arguments", "message"), [(["--zoo=digit"], "unknown zoo 'digit'"), (["--workers=0"], "--workers is 0")]
)
def test_they_are_usage_errors_without_a_measure_as_well(run: Run, arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"ERROR: {message}*"])


@pytest.mark.slow
def test_only_the_measures_that_are_selected_are_evaluated(run: Run, shared_cache: Path) -> None:
    run("--measure=distance_from_init,frobenius_norm", "-m", "gate", "-k", "distance_from_init")
    assert (shared_cache / "rows" / "distance_from_init.jsonl").exists()
    assert not (shared_cache / "rows" / "frobenius_norm.jsonl").exists()


def test_without_capture_or_terminal_reporter_it_runs_too(run: Run) -> None:
    run("--measure=l2_norm", "-m", "gate", "-s").assert_outcomes(passed=6, deselected=42)
    assert run("--measure=l2_norm", "-m", "gate", "-p", "no:terminal").ret == 0


@pytest.mark.slow
@pytest.mark.parametrize("spec", ["./mine.py::weights_moved", "mine:weights_moved"])
def test_a_measure_outside_the_project_is_judged_by_its_file_or_its_module(
    run: Run, pytester: pytest.Pytester, spec: str
) -> None:
    pytester.makepyfile(
        mine="""
        from measures import measure

        @measure(source="mine")
        def weights_moved(trained):
            pairs = zip(trained.model.parameters(), trained.init.parameters())
            return sum(float((after - before).detach().square().sum()) for after, before in pairs)
        """
    )
    result = run(f"--measure={spec}", "-m", "gate or contract")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["weights_moved PASSES the gate*"])


@pytest.mark.slow
def test_the_record_is_valid_complete_and_recomputable(run: Run, tmp_path: Path) -> None:
    result = run("--measure=l2_norm,constant", f"--leaderboard={tmp_path}/out.json")
    result.stdout.fnmatch_lines([f"record written to {tmp_path}/out.json"])
    record = read_record(tmp_path / "out.json")
    constant, norm = record["entries"]
    assert (norm["measure"], norm["verdict"], norm["complete"], norm["contract"]) == (
        "l2_norm",
        "separates",
        True,
        "passes",
    )
    assert (constant["measure"], constant["verdict"]) == ("constant", "overlaps")
    values = {name: value for name, (value, _) in norm["rows"].items()}
    assert values.keys() < record["zoo"]["models"].keys()  # nobody is judged where the premise does not hold
    naturals = [f"digits-{network}-true_labels-n100-seed" for network in TINY.networks]
    wins = sum(
        values[name.replace("true_labels", "random_labels")] > value
        for name, value in values.items()
        if re.sub(r"\d+$", "", name) in naturals and name.replace("true_labels", "random_labels") in values
    )
    assert wins == norm["suites"]["random_labels"]["wins"]


def test_listing_measures_runs_nothing(run: Run) -> None:
    result = run("--list-measures")
    assert result.ret == 0
    assert re.search(r"^spectral_norm +spectral +fast +Bartlett", result.stdout.str(), re.MULTILINE)
    result.stdout.no_fnmatch_line("*test session starts*")


def test_without_measure_every_registered_one_is_judged(run: Run) -> None:
    from harness.evaluation.measure_lookup import find_measures

    result = run("--collect-only", "-q", "-k", "test_random_labels and separates")
    judged = re.findall(r"test_separates\[(\w+)\]", result.stdout.str())
    assert judged == [measure.name for measure in find_measures(["all"])]


def test_the_cost_limits_all(run: Run) -> None:
    result = run("--collect-only", "-q", "--cost=fast", "-k", "test_random_labels and separates")
    assert "leave_out_stability" not in result.stdout.str()
    assert "[l2_norm]" in result.stdout.str()


def test_the_plugin_by_itself_imports_neither_torch_nor_the_measures(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_other="""
        import sys

        def test_nothing_heavy_is_imported():
            assert not {"torch", "scipy", "measures", "harness.pytest_session"} & set(sys.modules)
        """
    )
    result = pytester.runpytest_subprocess("-p", "harness.pytest_plugin")
    result.assert_outcomes(passed=1)
    assert "Plugin already registered" not in result.stderr.str()


def test_a_test_of_someone_elses_may_have_a_measure_fixture(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture
        def measure():
            return "a tape"

        def test_it(measure):
            assert measure == "a tape"
        """
    )
    pytester.runpytest_inprocess().assert_outcomes(passed=1)


@pytest.mark.slow
def test_the_line_to_reproduce_is_quoted_for_the_shell(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "with blank" / "mine.py"
    file.parent.mkdir()
    file.write_text("from measures import measure\n@measure(source='a test')\ndef tied(trained):\n    return 1.0\n")
    result = run("-k", "test_separates", f"--measure={file}::tied", suites=SUITES / "test_random_labels.py")
    (line,) = {line for line in result.outlines if line.startswith("  reproduce: ")}  # where CI is set, told twice
    (named,) = (word for word in shlex.split(line) if word.startswith("--measure="))
    assert named.endswith("with blank/mine.py::tied")


def test_without_pytest_benchmark_work_and_memory_are_told_all_the_same(run: Run) -> None:
    result = run("-p", "no:benchmark", "-m", "cost", "--measure=l2_norm", benchmark=False)
    result.assert_outcomes(passed=10)
