"""zoo check: what a zoo is made of, whether it can be trained, and how long that takes."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.__main__ import main
from harness.settings import Settings
from harness.store.store import store_of
from harness.zoo.check import TrialJob, check, trial_job
from harness.zoo.opening import find_zoo, opened

Write = Callable[..., Path]


@pytest.mark.slow
def test_a_sound_zoo_is_shown_and_one_twin_of_each_network_trained_and_kept(write: Write, settings: Settings) -> None:
    said: list[str] = []
    zoo = find_zoo(str(write()))
    assert check(zoo, settings, said.append, progress=False) == []
    text = "\n".join(said)
    assert said[0] == "mine zoo: 10 twins a condition; the gate has random labels, random pixels, gaussian"
    assert said[1].startswith(
        "mine: inputs of 6, 3 classes, 100 examples to train on and 50 to test on (a split of its own); sha256 "
    )
    assert said[2] == "own: 243 parameters; learning_rate 0.3"
    assert said[3].startswith("mlp_1x32: 323 parameters; optimizer adamw, learning_rate 0.01, weight_decay 0.01; blind")
    assert said[3].endswith("blind to positions, as is seen")
    assert re.search(r"mine-own-random_labels-n40-seed0 +yes +\d+ +\d+\.\d +\d+ ", text)
    assert said[-1] == "the gate has 40 models: about 1 min to train, 2 at a time"
    opened_zoo, _ = opened(str(write()), settings)
    for network, seed in (("own", 0), ("mlp_1x32", 5)):
        assert store_of(settings).holds(opened_zoo.natural(network, seed))


def test_in_the_worker_a_trial_tells_the_outcome_and_the_memory(write: Write, settings: Settings) -> None:
    zoo, settings = opened(str(write()), settings)
    trial = trial_job(TrialJob(zoo.natural("own", 0), settings), lambda payload: None)
    assert trial.outcome.fitted and trial.megabytes > 100  # of torch itself
    stored = store_of(settings).find(trial.recipe)
    assert stored is not None and stored.outcome == trial.outcome


@pytest.mark.slow
def test_a_network_that_does_not_fit_is_a_problem(write: Write, settings: Settings) -> None:
    zoo = find_zoo(str(write(more=", training={'max_epochs': 2}")))
    problems = check(zoo, settings, lambda text: None, progress=False)
    assert len(problems) == 4
    assert re.match(
        r"mine-own-true_labels-n40-epochs2-seed0 stopped at cross-entropy \S+ after 2 epochs, above 0.01; change",
        problems[0],
    )


def remarks(write: Write, settings: Settings, inputs: str) -> list[str]:
    """What is said of the data between their description and the networks, none of which is trained."""
    body = f"@data_set\ndef odd(folder): return {inputs}, torch.arange(150) % 3\n"
    said: list[str] = []
    zoo = "zoo = Zoo('mine', odd, {network(name='n')(lambda s, n: 3): 0.1})"
    check(find_zoo(f"{write(after=body + zoo)}::zoo"), settings, said.append, progress=False)
    return said[2:]


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ("torch.eye(150)", []),
        (
            "torch.eye(75).repeat(2, 1)",
            ["odd: 75 of its 150 inputs equal an earlier one; where random labels of equal"],
        ),
        (
            "torch.randn(150, 8, 8, 3)",
            ["odd: its first dimension, of 8, is that of channels; where they are last, give"],
        ),
        (
            "torch.randn(150, 8, 8)",
            ["odd: its first dimension, of 8, is that of channels; images of one channel are (n, 1, 8, 8)"],
        ),
        ("torch.randn(150, 3, 8)", []),
        ("torch.randn(150, 3, 8, 8)", []),
        ("torch.randn(150, 3, 3, 3)", []),
    ],
)
def test_what_is_mostly_a_mistake_in_the_data_is_remarked(
    inputs: str, expected: list[str], write: Write, settings: Settings
) -> None:
    found = remarks(write, settings, inputs)
    assert [line[: len(start)] for line, start in zip(found, expected, strict=True)] == expected


DRAWS = "@data_set\ndef drawn(folder): return torch.randn(150, 6), torch.arange(150) % 3\n"


def test_data_that_are_others_every_time_are_a_problem(write: Write, settings: Settings) -> None:
    zoo = find_zoo(str(write(after=f"import secrets\n{DRAWS.replace('torch.randn(150, 6)', UNSEEDED)}zoo = {ZOO}")))
    (problem,) = check(zoo, settings, lambda text: None, progress=False)
    assert problem == "data set 'drawn' gives other data every time; let it draw from a generator with a seed"


UNSEEDED = "torch.randn(150, 6, generator=torch.Generator().manual_seed(secrets.randbits(60)))"
ZOO = "Zoo('drawn', drawn, {'mlp_1x8': 0.1})"


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["zoo", "check", *arguments])
    return result.exit_code, result.output


def test_what_is_wrong_is_said_and_the_exit_status_is_1(write: Write, tmp_path: Path) -> None:
    bad = "@network\ndef two(s, n): return nn.LSTM(6, n)\nmore = {f'mlp_1x{width}': 0.1 for width in range(8, 16)}\n"
    bad += "zoo = Zoo('mine', mine, {own: 0.1, two: 0.1, **more})"
    status, output = run(f"{write(after=bad)}::zoo", "--cache-dir", str(tmp_path / "cache"))
    assert (status, output.splitlines()[-1]) == (1, "1 problems")
    assert "problem: network 'two' gives a tuple of 2; expected its logits alone" in output


def test_a_zoo_of_too_few_units_is_refused_whatever_its_seeds(write: Write, tmp_path: Path) -> None:
    few = "zoo = Zoo('mine', mine, {own: 0.1}, seeds_per_network=30)"
    status, output = run(f"{write(after=few)}::zoo", "--cache-dir", str(tmp_path / "cache"))
    assert status == 2
    assert "too few units: the mine zoo has 1, and no measure can reach p < 0.001 with fewer than 10" in output
