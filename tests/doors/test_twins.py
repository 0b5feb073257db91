"""Networks that were trained elsewhere are judged as the same networks are in a zoo."""

import dataclasses
import functools
import os
import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import Pair, judge
from harness.errors import HarnessError
from harness.judgement import Judgement
from harness.judging.units.decision import Unit
from harness.settings import Settings, make_settings
from harness.store.secret_folder import found_in
from harness.zoo.build import build
from harness.zoo.zoo import Zoo, recipes
from tests.builders.own_twins import FILE, load, of_tiny_zoo, pair
from tests.conftest import SUITES, WIDTHS

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_registry")]

BOTH = ("random_labels", "gaussian")


@pytest.fixture(scope="module")
def trained(tiny_zoo: Zoo, shared_cache: Path) -> Path:
    """A cache folder with the tiny zoo's networks."""
    settings = make_settings(cache_dir=str(shared_cache), workers=2)
    build(recipes(tiny_zoo, BOTH), settings, progress=False)
    return shared_cache


@pytest.fixture
def on(tmp_path: Path) -> Callable[..., Judgement]:
    return lambda measure, twins, **more: judge(measure, twins=twins, cache_dir=str(tmp_path / "c"), workers=2, **more)


def alike(judgement: Judgement) -> dict[str, Any]:
    """Its verdicts without what the architectures are called, and how long it took."""
    unnamed = Unit("", "")
    return {
        condition: dataclasses.replace(
            verdict, seconds=0, units=tuple(dataclasses.replace(unit, unit=unnamed) for unit in verdict.units)
        )
        for condition, verdict in judgement.verdicts.items()
    }


def values_of(judgement: Judgement) -> dict[tuple[str, int], tuple[float | None, str]]:
    return {(each.condition, each.seed): (each.value, each.reason) for each in judgement.values}


@pytest.mark.parametrize("measure", ["path_norm", "gradient_noise"])
def test_the_same_networks_get_the_same_values_and_verdicts_as_in_their_zoo(
    measure: str, trained: Path, tiny_zoo: Zoo, on: Callable[..., Judgement], capsys: pytest.CaptureFixture[str]
) -> None:
    """One that draws, too. The gap is known here, so that Kendall's tau is."""
    there = judge(measure, zoo="tiny", cache_dir=str(trained), workers=2)
    here = on(measure, of_tiny_zoo(tiny_zoo, trained, BOTH))
    assert values_of(here) == {key: of for key, of in values_of(there).items() if key[0] in ("true_labels", *BOTH)}
    assert alike(here) == {condition: verdict for condition, verdict in alike(there).items() if condition in BOTH}
    assert {value.network for value in here.values} == {f"Sequential_{75 * width + 10}" for width in WIDTHS}
    assert "the given twins: natural and randomized, on their own training sets" in capsys.readouterr().out


def test_who_asks_for_what_is_missing_is_not_applicable(
    trained: Path, tiny_zoo: Zoo, on: Callable[..., Judgement]
) -> None:
    found = on("distance_from_init", of_tiny_zoo(tiny_zoo, trained, ("random_labels",)))
    assert found.verdicts["random_labels"].status == "not_applicable"
    assert {value.reason for value in found.values} == {
        "these networks came without their initial weights, which it needs"
    }
    assert repr(found).startswith("the given twins, 10 twins a condition")


def test_twins_that_cannot_be_sent_are_judged_in_this_process_and_that_is_said(
    on: Callable[..., Judgement], capsys: pytest.CaptureFixture[str]
) -> None:
    lock, processes = threading.Lock(), set[int]()

    def locked(seed: int, random: bool) -> Any:
        with lock:
            processes.add(os.getpid())
        return load(seed, random)

    sides = functools.partial(functools.partial, locked)
    held = [Pair("random_labels", sides(seed, False), sides(seed, True)) for seed in range(10)]
    here, there = on("l2_norm", held), on("l2_norm", [pair(seed) for seed in range(10)])
    assert values_of(here) == values_of(there) and processes == {os.getpid()}
    said = capsys.readouterr().out
    assert re.search(r"^twins\[0\] cannot be sent to another process \(TypeError: .*\): all are loaded and", said, re.M)


def test_a_new_measure_is_tried_on_one_of_the_networks_first_and_nothing_is_trained(
    on: Callable[..., Judgement], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """These are of a table, which the tiny network that others are tried on is not."""
    twins = [pair(seed) for seed in range(10)]

    def largest_input(trained: Any) -> float:
        assert trained.inputs.ndim == 2
        return float(trained.inputs.max())

    def misspelt(trained: Any) -> float:
        return float(trained.lables.max())

    assert on(largest_input, twins).verdicts["random_labels"].status == "overlaps"
    assert "tried on one of the networks first: largest_input gave 1.00" in capsys.readouterr().out
    found = on(misspelt, twins)
    assert "did you mean 'labels'? " in found.crash and "tried on one of the networks, before the others" in found.crash
    assert not found.passes and not (found_in(tmp_path / "c") / "models").exists()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"twins": [pair(0)] * 3}, "the given twins has 3 pairs of random_labels; no measure can reach p < 0.001 with"),
        ({"twins": [pair(0)], "zoo": "tiny"}, "zoo and twins each say which networks to judge on; leave one out"),
        ({"twins": [pair(0)], "findings": True}, "findings ask for further networks, trained by a zoo's recipes, and"),
        ({"twins": "nowhere.py::twins"}, "twins=nowhere.py::twins: there is no file"),
        (
            {"twins": [pair(number // 2) for number in range(10)]},
            "no verdict on l2_norm: twins[0].natural and twins[1].natural are one network",
        ),
    ],
)
def test_what_cannot_be_judged_is_one_sentence(given: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=re.escape(sentence)) as caught:
        judge("l2_norm", cache_dir=str(tmp_path), **given)
    assert "\n" not in str(caught.value)


@pytest.fixture
def file(tmp_path: Path, trained: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(FILE.format(cache=str(trained), conditions=("random_labels",)))
    return path


@pytest.fixture
def run_on(pytester: pytest.Pytester, settings: Settings) -> Callable[..., pytest.RunResult]:
    def in_process(*arguments: object) -> pytest.RunResult:
        fixed = ["-p", "no:cacheprovider", f"--cache-dir={settings.cache_dir}", "--workers=2"]
        return pytester.runpytest_inprocess(SUITES, *fixed, *arguments)

    return in_process


def test_a_run_of_the_gate_shows_the_premise_first_and_computes_nothing_twice(
    file: Path, run_on: Callable[..., pytest.RunResult], capfd: pytest.CaptureFixture[str]
) -> None:
    given = ("-m", "gate", f"--twins={file}::twins", "--measure=path_norm,distance_from_init")
    result = run_on(*given)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.re_match_lines(
        [
            r"mine.py::twins: natural and randomized, on their own training sets",
            r"network +randomized +pairs +training loss +training error",
            r"Sequential_4810 +random_labels +1 +0.01, 0.01 +0.00%, 0.00%",
            r".*SKIPPED.*|suites/test_random_inputs.py s+ .*|.*test_random_inputs.py s+.*",
            r"distance_from_init is not applicable to any twin under random labels: these networks came without their",
            r"  reproduce: pytest .*test_random_labels.py --measure=distance_from_init --twins=.*mine.py::twins",
            r"=+ mine.py::twins, 10 twins a condition =+",
            r"path_norm PASSES the gate: it separates in its one randomization",
        ]
    )
    assert "evaluating" in capfd.readouterr().err
    assert run_on(*given).ret == pytest.ExitCode.TESTS_FAILED
    assert "evaluating" not in capfd.readouterr().err


def test_the_suites_that_train_are_skipped_in_a_sentence_and_the_others_asked(
    file: Path, run_on: Callable[..., pytest.RunResult]
) -> None:
    chosen = "same_data or noise_floor or cost or finite or hyper or random"
    result = run_on(f"--twins={file}", "--measure=l2_norm", "-rs", "-k", f"({chosen}) and not gaussian")
    assert result.ret == pytest.ExitCode.OK
    said = result.stdout.str()
    assert "it is asked of networks that a zoo trains, and these twins were trained elsewhere" in said
    assert "there are no pairs of random_pixels in mine.py::twins" in said
    outcomes = result.parseoutcomes()
    assert outcomes["passed"] == 3 and "failed" not in outcomes  # two of the gate, one of the contract


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--zoo=tiny",), "--zoo and --twins each say which networks to judge on; leave one out"),
        (
            ("--leaderboard=r.json",),
            "a record says how each network was trained, which is not known of twins that were",
        ),
        (("--baseline=r.json",), "leave out --baseline"),
    ],
)
def test_options_that_do_not_go_with_it_are_usage_errors(
    options: tuple[str, ...], sentence: str, file: Path, run_on: Callable[..., pytest.RunResult]
) -> None:
    result = run_on("-m", "gate", f"--twins={file}", "--measure=l2_norm", *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert sentence in result.stderr.str()


def test_a_record_is_refused_before_anything_is_loaded_and_no_folder_is_made(
    file: Path, run_on: Callable[..., pytest.RunResult], tmp_path: Path
) -> None:
    records = tmp_path / "records"
    result = run_on("-m", "gate", f"--twins={file}", "--measure=l2_norm", f"--leaderboard={records}/")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert result.stderr.str().strip() == (
        "ERROR: a record says how each network was trained, which is not known of twins that were trained elsewhere; "
        "leave out --leaderboard, or declare a zoo that trains them"
    )
    assert not records.exists() and "looking at" not in result.stdout.str()


def test_what_is_wrong_with_a_pair_fails_its_premise_and_nobody_is_judged(
    tmp_path: Path, run_on: Callable[..., pytest.RunResult]
) -> None:
    path = tmp_path / "broken.py"
    path.write_text(
        "from tests.builders.own_twins import Pair, pair\n"
        "def gone():\n    raise FileNotFoundError('3.pt')\n"
        "twins = [pair(seed) for seed in range(10)] + [Pair('random_labels', gone, gone)]\n"
    )
    result = run_on("-m", "gate", f"--twins={path}", "--measure=l2_norm", "-k", "random_labels")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    said = result.stdout.str()
    for side in ("natural", "randomized"):
        assert f"broken.py::twins[10].{side} cannot be loaded: FileNotFoundError: 3.pt at {path}:3" in said
    assert "no verdict on l2_norm: broken.py::twins[10].natural cannot be loaded" in said
    assert "During handling" not in said  # of an exception: the sentence stands once


def test_a_strangers_measure_sees_a_class_of_the_users_own_and_nothing_else(
    tmp_path: Path, on: Callable[..., Judgement]
) -> None:
    """The user's file is not imported where the measure is called: its list would tell which network is which."""
    twins, measure = tmp_path / "own_class.py", tmp_path / "peeks.py"
    twins.write_text(
        "import functools\nfrom torch import nn\nfrom harness import Checkpoint\n"
        "from tests.builders.own_twins import CLASSES, EXAMPLES, Pair, fitted, labels_of\n"
        "class Own(nn.Linear):\n    def forward(self, inputs):\n        return super().forward(inputs)\n"
        "def load(seed, random):\n"
        "    return fitted(labels_of(seed, random), seed, network=lambda: Own(EXAMPLES, CLASSES))\n"
        "twins = [Pair('random_labels', *(functools.partial(load, seed, random) for random in (False, True)))\n"
        "         for seed in range(10)]\n"
    )
    measure.write_text(
        "import gc, sys\nfrom measures import measure\n"
        "@measure(source='a test')\n"
        "def peeks(trained):\n"
        "    assert type(trained.model).__name__ == 'Own' or len(trained.labels) == 100  # the network it is tried on\n"
        "    seen = [name for name in sys.modules if 'own_class' in name or name.startswith('tests')]\n"
        "    seen += [each for each in gc.get_objects() if type(each).__name__ in ('Pair', 'Checkpoint')]\n"
        "    return float(len(seen))\n"
    )
    found = on(f"{measure}::peeks", f"{twins}::twins")
    assert {(value.value, value.reason) for value in found.values} == {(0.0, "")}
    assert not any("peeks" in name for name in sys.modules)
