"""A zoo is found by its door, opened on its data, and found again by other processes, or refused in a sentence."""

import dataclasses
import importlib.metadata
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from harness.errors import HarnessError
from harness.settings import Settings
from harness.training.declaring import OPENED
from harness.training.networks.building import build_for
from harness.zoo.opening import entry_points, find_zoo, open_zoo, opened, reopen
from harness.zoo.trained_with import adamw
from harness.zoo.zoo import recipes, twins
from harness.zoo.zoos import ZOOS

Write = Callable[..., Path]


def refusal(spec: object) -> str:
    with pytest.raises(HarnessError) as refused:
        find_zoo(str(spec))
    assert "\n" not in str(refused.value)
    return str(refused.value)


# Doors


def test_a_file_is_a_door_with_the_zoos_name_or_without(write: Write) -> None:
    path = write()
    for spec in (f"{path}::zoo", str(path)):
        found = find_zoo(spec)
        assert (found.name, found.twins_per_condition, found.where) == ("mine", 10, f"{path}::zoo")


def test_a_module_is_a_door(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, str(write(name="a_module_with_a_zoo.py").parent)])
    found = find_zoo("a_module_with_a_zoo:zoo")
    assert (found.name, found.where) == ("mine", "a_module_with_a_zoo:zoo")


class Point:
    def __init__(self, name: str, value: str):
        self.name, self.value = name, value
        self.module, _, self.attr = value.partition(":")


def with_entry_points(monkeypatch: pytest.MonkeyPatch, *points: Point) -> None:
    original = importlib.metadata.entry_points
    monkeypatch.setattr(
        importlib.metadata,
        "entry_points",
        lambda **asked: points if asked == {"group": "shatterproof.zoos"} else original(**asked),
    )


def test_an_installed_package_names_its_zoo_by_an_entry_point(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, str(write(name="a_package_with_a_zoo.py").parent)])
    with_entry_points(monkeypatch, Point("theirs", "a_package_with_a_zoo:zoo"))
    assert find_zoo("theirs").name == "mine"
    assert refusal("their") == (
        "unknown zoo 'their'; did you mean 'theirs'? known: digits, mnist-small, cifar10-small, cifar10, mnist, "
        "tiny, theirs"
    )


@pytest.mark.parametrize("names", [("digits",), ("theirs", "theirs")])
def test_two_entry_points_of_one_name_are_refused(names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    with_entry_points(monkeypatch, *(Point(name, f"package{number}:zoo") for number, name in enumerate(names)))
    with pytest.raises(HarnessError, match=f"two zoos are named '{names[0]}': of .*; uninstall one"):
        entry_points()


# What is behind the door


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"before": "1 / 0"}, r"cannot be imported: ZeroDivisionError: division by zero at .*/my_zoo.py:6$"),
        ({"before": "a b"}, r"cannot be imported: SyntaxError: .*my_zoo.py:6"),
        ({"before": "import nowhere_at_all"}, r"cannot be imported: ModuleNotFoundError: .* at .*/my_zoo.py:6$"),
        ({"before": "raise SystemExit(3)"}, r"cannot be imported: SystemExit: 3 at .*/my_zoo.py:6$"),
        ({"after": "del zoo"}, r"there is no zoo 'zoo' in it; it has none$"),
        ({"after": "zoo = 3"}, r"'zoo' in it is an int; expected a Zoo; zoos in it: none$"),
        (
            {"after": "made = zoo\ndef zoo(): return made"},
            r"'zoo' in it is a function; expected a Zoo; zoos in it: made$",
        ),
        ({"after": "other = Zoo('mine', mine, {own: 0.1})"}, r"two zoos are named 'mine', other is the other; rename"),
        ({"after": "zoo = Zoo('digits', mine, {own: 0.1})"}, r"two zoos are named 'digits', this one and one of this"),
        (
            {"after": "zoo = Zoo('a/b', mine, {own: 0.1})"},
            r"a zoo is named 'a/b'; its records are kept under it: use letters",
        ),
        ({"after": "zoo = Zoo('x', mine, {Net: 0.1})"}, r"'Net' is not declared; write @network above a function of"),
        ({"after": "zoo = Zoo('x', mine.function, {own: 0.1})"}, r"'mine' is not declared; write @network"),
        (
            {"after": "zoo = Zoo('x', mine, {})"},
            r"the networks of the x zoo are \{\}; expected \{network: learning rate",
        ),
        ({"after": "zoo = Zoo('x', mine, [own])"}, r"the networks of the x zoo are \[.*; expected \{network: learning"),
        ({"after": "zoo = Zoo('x', mine, {own: '0.1'})"}, r"own is trained with '0.1'; expected a rate, or sgd"),
        ({"after": "zoo = Zoo('x', mine, {own: -0.1})"}, r"the x zoo cannot be trained: learning_rate is -0.1"),
        (
            {"after": "zoo = Zoo('x', mine, {own: adamw(0.1, epochs=3)})"},
            r"the x zoo cannot be trained: a recipe has no field 'epochs'; it has .*max_epochs",
        ),
        (
            {"after": "zoo = Zoo('x', mine, {own: {'momentum': 0.5}})"},
            r"the x zoo cannot be trained: a network has no learning_rate; give one, sgd\(0.1\), in its own fields",
        ),
        (
            {"after": "zoo = Zoo('x', mine, {own: adamw(0.1, learning_rate_decay_per_epoch=-1.0)})"},
            r"the x zoo cannot be trained: learning_rate_decay_per_epoch is -1.0; expected a factor above 0$",
        ),
        (
            {"after": "zoo = Zoo('x', mine, {own: adamw(0.1, weight_decay=1e999)})"},
            "weight_decay is inf; expected a fin",
        ),
        (
            {"after": "zoo = Zoo('x', mine, {own: adamw(0.1, clip_norm=1e999 - 1e999)})"},
            "clip_norm nan, .* not negative",
        ),
        (
            {"more": ", grid=Grid(own, {'learning_rate': 0.1, 'batch_size': (3, 4)}, 30)"},
            r"the grid's axis 'learning_rate' is 0.1; expected its values, \(0.1, 0.2\)",
        ),
        (
            {"more": ", grid=Grid(own, {'learning_rate': (0.1, 0.2), 'batch_size': (3, 4)}, 30, seeds=0)"},
            r"the grid's seeds is 0; expected 1 or more",
        ),
        ({"after": "zoo = Zoo('x', mine, {own: 0.1}, seeds_per_network=0)"}, r"seeds_per_network of the x zoo is 0"),
        ({"after": "zoo = Zoo('x', mine, {own: 0.1}, num_train=0.5)"}, r"num_train of the x zoo is 0.5; expected a"),
        (
            {"after": "again = network(name='own')(lambda s, n: None)\nzoo = Zoo('x', mine, {own: 0.1, again: 0.1})"},
            r"two networks of the x zoo are named 'own'; rename one of the functions",
        ),
        (
            {"after": "family = network(name='n_{width}')(lambda s, n, width: 0)\nzoo = Zoo('x', mine, {family: 0.1})"},
            r"n_\{width\} is a family of networks; name one: .*\.member\(width=\.\.\.\)",
        ),
        (
            {"after": "@network\ndef bad(x): pass"},
            r"my_zoo.py:\d+: network 'bad' takes \(x\); expected \(input_shape, num",
        ),
        ({"after": "@data_set\ndef bad(): pass"}, r"my_zoo.py:\d+: data set 'bad' takes \(\); expected \(folder\)"),
        (
            {"after": "@data_set(randomizations=('noise',))\ndef bad(folder): pass"},
            r"data set 'bad' has the randomization 'noise'; known: shuffled_pixels, random_pixels, gaussian",
        ),
        (
            {"after": "odd = network(lambda s, n: None)"},
            r"my_zoo.py:\d+: '<lambda>' is not a name for records; write a",
        ),
        (
            {"more": ", training={'condition': 'gaussian'}"},
            r"the mine zoo sets condition, which its suites do; leave it",
        ),
        ({"more": ", training={'attack': 3}"}, r"the mine zoo sets attack, which its suites do; leave it out"),
        ({"before": "torch.set_default_dtype(torch.float64)"}, r"changes torch's default dtype from torch.float32 to"),
        (
            {"before": "torch.set_grad_enabled(False)"},
            r"changes torch's gradient mode from on to off; leave it as it is",
        ),
        (
            {"more": ", grid=Grid('mlp_1x{width}', {'width': (4, 8)}, 30)"},
            r"the grid has no learning_rate, neither among its axes nor in its training",
        ),
        (
            {"more": ", grid=Grid('mlp_1x{width}', {'depth': (4, 8), 'learning_rate': (0.1, 0.2)}, 30)"},
            r"the grid of mlp_1x\{width\} has 'depth', which is neither a size of it nor one of batch_size",
        ),
        (
            {"more": ", grid=Grid('mlp_1x{width}', {'width': (4, 8), 'learning_rate': (0.1, 0.2)}, 30)"},
            r"two models of the mine zoo have the id mine-mlp_1x4-true_labels-n30-seed0; give the grid another",
        ),
    ],
)
def test_what_is_no_zoo_is_one_sentence(parts: dict[str, str], sentence: str, write: Write) -> None:
    path = write(**parts)
    try:
        assert re.search(sentence, said := refusal(f"{path}::zoo")), said
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_grad_enabled(True)


def test_a_file_with_several_zoos_is_asked_which(write: Write) -> None:
    path = write(after="other = Zoo('other', mine, {own: 0.1})")
    assert refusal(path).endswith("which of its zoos?; it has zoo, other")
    assert find_zoo(f"{path}::other").name == "other"


def test_a_file_without_a_zoo_is_told_so(write: Write) -> None:
    assert refusal(write("")).endswith("there is no zoo in it; it has none")


def test_a_file_that_judges_on_itself_while_it_is_imported_is_told_where_to_write_that(write: Write) -> None:
    path = write(after="from harness import judge\njudge('l2_norm', zoo=__file__ + '::zoo')")
    assert 'asks for itself while it is imported; write what judges in it under if __name__ == "__main__":' in refusal(
        path
    )


def test_betas_that_are_not_two_are_refused(write: Write) -> None:
    for betas in (0.9, (0.9,), (0.9, 0.99, 0.999)):
        with pytest.raises(HarnessError, match=r"^betas are .*; expected two numbers, \(0.9, 0.999\)$"):
            adamw(0.1, betas=betas)  # type: ignore[arg-type]


def test_a_file_that_is_not_there_or_no_python_is_named(write: Write, tmp_path: Path) -> None:
    assert refusal(f"{tmp_path}/none.py::zoo").endswith(f"there is no file {tmp_path}/none.py")
    assert refusal("my_zoo.py:zoo") == "--zoo=my_zoo.py:zoo: write my_zoo.py::zoo"
    assert (
        refusal("no_such:zoo") == "--zoo=no_such:zoo cannot be imported: ModuleNotFoundError: No module named 'no_such'"
    )
    assert "is not a Python file" in refusal(f"{write(name='zoo.txt')}::zoo")


# Opened


def test_recipes_have_the_digests_of_a_users_networks_and_data_and_no_others(write: Write, settings: Settings) -> None:
    zoo, _ = opened(str(write()), settings)
    own, ours = (zoo.natural(name, 0) for name in zoo.networks)
    assert len(own.network_code) == len(own.data_code) == len(own.data_sha256) == 64
    assert (ours.network_code, ours.data_code, ours.data_sha256) == ("", own.data_code, own.data_sha256)
    assert (ours.optimizer, ours.learning_rate, ours.weight_decay) == ("adamw", 0.01, 0.01)
    assert zoo.known.train_size == 100 and not zoo.known.images
    assert zoo.known.blind_to_positions == zoo.known.take_dropout == ("mlp_1x32",)
    assert zoo.data_described == f"mine, with sha256 {own.data_sha256}"
    for twin in twins(zoo, "gaussian"):
        assert dataclasses.replace(twin.randomized, condition="true_labels") == twin.natural


def keys(path: Path, settings: Settings) -> dict[str, str]:
    zoo, _ = opened(f"{path}::zoo", settings)
    return {recipe.network: recipe.key for recipe in recipes(zoo, ["random_labels"])}


def test_a_changed_network_or_changed_data_are_other_models_and_a_changed_zoo_is_not(
    write: Write, settings: Settings
) -> None:
    path = write()
    text, before = path.read_text(), keys(path, settings)
    write(text.replace("nn.Linear(features, 24), nn.Linear(24", "nn.Linear(features, 25), nn.Linear(25"))
    after = keys(path, settings)
    assert after["own"] != before["own"] and after["mlp_1x32"] == before["mlp_1x32"]
    write(text.replace("adamw(0.01)", "adamw(0.02)") + "\n# more\n")
    after = keys(path, settings)
    assert after["own"] == before["own"] and after["mlp_1x32"] != before["mlp_1x32"]
    write(text.replace("manual_seed(0)", "manual_seed(1)"))
    after = keys(path, settings)
    assert not {*after.values()} & {*before.values()}
    write(text)
    assert keys(path, settings) == before


@pytest.mark.parametrize(
    ("edit", "others"),
    [
        (("torch.randn(150, 6, generator", "torch.randn((150, 6), generator"), True),
        (("    return inputs[:100]", "    inputs = inputs + 0.0\n    return inputs[:100]"), True),
        (("def mine(folder):\n", 'def mine(folder):\n    """A table."""  # of numbers\n\n'), False),
        (("import torch\n", "import torch\nimport math\n"), False),
        (("@data_set\n", "OTHER = 3\n\n\n@data_set\n"), False),
    ],
)
def test_an_edited_data_set_gives_other_keys_though_its_contents_are_the_same_and_an_edited_comment_does_not(
    edit: tuple[str, str], others: bool, write: Write, settings: Settings
) -> None:
    path = write()
    text, before = path.read_text(), keys(path, settings)
    assert edit[0] in text
    write(text.replace(*edit))
    after = keys(path, settings)
    assert all((after[name] != before[name]) == others for name in before)


def test_the_digest_of_a_data_set_is_of_its_file_as_it_was_imported(write: Write, settings: Settings) -> None:
    path, copy = write(), write(name="copy.py")
    given = find_zoo(str(path))
    path.write_text(path.read_text().replace("(inputs[:, 1] > 0)", "(inputs[:, 2] > 0)"))
    later, _ = open_zoo(given, settings)
    expected, _ = opened(str(copy), settings)
    assert later.natural("own", 0) == expected.natural("own", 0)


def test_two_zoos_that_name_their_networks_alike_do_not_meet(write: Write, settings: Settings) -> None:
    one, other = write(), write(name="other.py")
    other.write_text(other.read_text().replace("24", "9").replace('Zoo("mine"', 'Zoo("other"'))
    first, first_settings = opened(str(one), settings)
    second, second_settings = opened(str(other), settings)
    for zoo, theirs in ((first, first_settings), (second, second_settings)):
        reopen(theirs)
        assert OPENED.where == zoo.where
        network = build_for(zoo.natural("own", 0), (6,), 3)
        assert network.hidden.out_features == (24 if zoo is first else 9)
    with pytest.raises(HarnessError, match="the network own is not what it was when the run was started"):
        build_for(first.natural("own", 0), (6,), 3)


def test_a_zoo_of_this_project_opens_as_it_is(settings: Settings) -> None:
    zoo, theirs = opened("digits", settings)
    assert zoo is ZOOS["digits"] and theirs == settings


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        (
            {"more": ", grid=Grid(own, {'learning_rate': (0.1, 0.2), 'batch_size': (8, 16)}, 101)"},
            "the grid's num_train",
        ),
        (
            {"after": "zoo = Zoo('mine', mine, {own: 0.1}, num_train=40, training={'stop_loss': 1.2})"},
            "stop_loss of mine-own is 1.2; equal guesses at every class have a cross-entropy of 1.1 nats, and",
        ),
        ({"after": "zoo = Zoo('mine', mine, {own: 0.1}, num_train=101)"}, "num_train is 101; mine has 100 examples"),
        (
            {"after": "zoo = Zoo('mine', mine, {own: 0.1}, num_train=2)"},
            "the mine zoo: num_train is 2, fewer than the 3 classes of mine; give it more examples",
        ),
        (
            {"after": "@network\ndef two(s, n): return nn.LSTM(6, n)\nzoo = Zoo('mine', mine, {own: 0.1, two: 0.1})"},
            "the mine zoo: network 'two' gives a tuple of 2; expected its logits alone",
        ),
    ],
)
def test_what_cannot_be_trained_is_said_when_it_is_opened(
    parts: dict[str, str], sentence: str, write: Write, settings: Settings
) -> None:
    with pytest.raises(HarnessError, match=re.escape(sentence)):
        opened(f"{write(**parts)}::zoo", settings)
