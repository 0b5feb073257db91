"""Networks and data sets are found by their names: no two functions have one."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.settings import Settings
from harness.zoo.opening import find_zoo, open_zoo, opened

Write = Callable[..., Path]


@pytest.mark.parametrize(
    ("declared", "what"),
    [
        ("@network\ndef convnet(s, n): return Net(6, n)\nzoo = Zoo('x', mine, {convnet: 0.1})", "networks"),
        ("@network\ndef mlp_3x4(s, n): return Net(6, n)\nzoo = Zoo('x', mine, {mlp_3x4: 0.1})", "networks"),
        ("@data_set\ndef digits(folder): return mine(folder)\nzoo = Zoo('x', digits, {own: 0.1})", "data sets"),
    ],
)
def test_a_name_of_this_project_is_taken(declared: str, what: str, write: Write, settings: Settings) -> None:
    zoo = find_zoo(f"{write(after=declared)}::zoo")
    with pytest.raises(HarnessError, match=f"two {what} are named '.*', one of them of this project; rename the"):
        open_zoo(zoo, settings)


TWO = """
from harness import Unit
def made(number):
    @network
    def one(s, n): return nn.Sequential(nn.Flatten(), nn.Linear(64 if number else 6, n))
    @data_set
    def data(folder): return torch.eye(100) + number, torch.arange(100) % 3
    return one, data
(first, data), (second, others) = made(0), made(1)
@network(name="wide_{width}")
def wide(s, n, width): return nn.Linear(6, n)
@network
def wide_8(s, n): return nn.Linear(6, n)
zoo = Zoo("x", {})
"""


@pytest.mark.parametrize(
    ("units", "sentence"),
    [
        (
            "units=[Unit(mine, first, 0.1), Unit('digits', second, 0.1)]",
            "two networks of the x zoo are named 'one', and ",
        ),
        (
            "units=[Unit(data, own, 0.1), Unit(others, 'mlp_1x8', 0.1)]",
            "two data sets of the x zoo are named 'data', an",
        ),
        (
            "mine, {wide_8: 0.1}, "
            "grid=Grid(wide, {'width': (4, 8), 'batch_size': (8, 9)}, 30, training={'learning_rate': 0.1})",
            "two networks of the x zoo are named 'wide_",
        ),
    ],
)
def test_two_functions_of_one_name_are_not_taken_for_each_other(
    units: str, sentence: str, write: Write, settings: Settings
) -> None:
    zoo = find_zoo(f"{write(after=TWO.replace('{}', units))}::zoo")
    with pytest.raises(HarnessError, match=f"^{sentence}"):
        open_zoo(zoo, settings)


@pytest.mark.parametrize(
    ("zoo", "sentence"),
    [
        ("mine, {'resnet': 0.1}", r"^unknown network 'resnet'; did you mean 'resnet18'\? known: .*, vit_tiny$"),
        ("mine, {'mlp': 0.1}", r"^unknown network 'mlp'; known: .*mlp_<depth>x<width>"),
        ("'digts', {own: 0.1}", r"^unknown data set 'digts'; did you mean 'digits'\? known: digits, noisy_digits, "),
    ],
)
def test_what_nobody_declares_is_unknown(zoo: str, sentence: str, write: Write, settings: Settings) -> None:
    path = write(after=f"zoo = Zoo('x', {zoo})")
    with pytest.raises(HarnessError, match=sentence):
        opened(f"{path}::zoo", settings)
