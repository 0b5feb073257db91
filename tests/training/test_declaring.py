"""Networks and data sets are what their declarations say; nothing is guessed from a name."""

import functools
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from harness.errors import HarnessError
from harness.training.declaring import OF_INPUTS, data_set, is_own, network
from harness.training.networks.building import OWN_NETWORKS, network_named
from harness.training.reading.raw_data import OWN_DATA_SETS, is_known_by_name


@network
def single(input_shape: tuple[int, ...], num_classes: int) -> nn.Module:
    return nn.Linear(input_shape[0], num_classes)


@network(name="wide_{width}_by_{depth}", blind_to_positions=True)
def wide(input_shape: tuple[int, ...], num_classes: int, depth: int, width: int, dropout: float = 0.0) -> nn.Module:
    return nn.Linear(width, depth)


def test_a_declared_network_is_called_as_its_function_is() -> None:
    assert single((3,), 2).weight.shape == (2, 3)
    assert (single.name, single.blind_to_positions, single.takes_dropout, single.sizes) == ("single", False, False, ())
    assert single.named("single") is single and single.named("singles") is None


def test_a_family_has_a_member_for_every_choice_of_its_sizes() -> None:
    assert (wide.sizes, wide.takes_dropout) == (("width", "depth"), True)
    found = wide.named("wide_12_by_3")
    assert found is not None and found.name == "wide_12_by_3" == wide.member(depth=3, width=12).name
    assert found((1,), 1).weight.shape == (3, 12)
    assert found.blind_to_positions and found.sizes == () and found.code == wide.code != single.code
    for name in ("wide_12_by_", "wide_12_by_x", "wide_-1_by_2", "wide_12_by_3_", "wide_012_by_3", "xwide_12_by_3"):
        assert wide.named(name) is None


def test_a_member_of_other_sizes_is_refused() -> None:
    with pytest.raises(HarnessError, match=r"wide_\{width\}_by_\{depth\} takes the sizes width, depth; got depth"):
        wide.member(depth=3)
    for size in (3.5, -3, "3", True):
        with pytest.raises(HarnessError, match=r"is given width = .*; expected a whole number \(int\), 0 or more"):
            wide.member(depth=1, width=size)  # type: ignore[arg-type]
    with pytest.raises(HarnessError, match="single takes the sizes none; got depth"):
        single.member(depth=3)


def test_sizes_that_stand_side_by_side_are_refused_since_two_members_would_have_one_name() -> None:
    for name in ("net_{depth}{width}", "net_{depth}0{width}"):
        with pytest.raises(HarnessError, match="between two sizes; write a letter or a sign between them"):
            network(name=name)(lambda input_shape, num_classes, depth, width: None)


def test_a_size_that_stands_twice_is_refused() -> None:
    with pytest.raises(HarnessError, match=r"network 'net_\{width\}_\{width\}' has a size twice; leave one out"):
        network(name="net_{width}_{width}")(lambda input_shape, num_classes, width: None)


def test_a_users_have_a_digest_and_ours_a_version() -> None:
    assert len(single.code) == 64 and not is_own(single.function)
    assert {declared.code for declared in OWN_NETWORKS.values()} == {""}
    assert {declared.code for declared in OWN_DATA_SETS.values()} == {""}


BLIND = ["mlp_{depth}x{width}", "residual_mlp_{depth}x{width}"]


def test_only_mlps_of_ours_are_blind_to_positions_and_all_take_dropout() -> None:
    assert [name for name, declared in OWN_NETWORKS.items() if declared.blind_to_positions] == BLIND
    assert all(declared.takes_dropout for declared in OWN_NETWORKS.values())
    assert network_named("mlp_2x16").given == {"depth": 2, "width": 16}


def test_a_class_is_no_network() -> None:
    with pytest.raises(HarnessError, match=r"network 'Linear' is .*; expected a function of \(input_shape, num_"):
        network(nn.Linear)


def test_data_of_ours_are_known_by_name_and_a_users_never(tmp_path: Path) -> None:
    @data_set
    def mine(folder: Path) -> Any:
        return torch.zeros(2, 2), torch.arange(2)

    assert mine.randomizations == OF_INPUTS and not mine.is_own and mine(tmp_path)[1].tolist() == [0, 1]
    assert not is_known_by_name(mine, tmp_path)
    known = {name for name, declared in OWN_DATA_SETS.items() if is_known_by_name(declared, tmp_path)}
    assert known == {"digits", "noisy_digits", "mnist", "fashion_mnist", "cifar10"}
    assert OWN_DATA_SETS.keys() - known == {"class_folders"}


@pytest.mark.parametrize("declare", [network, data_set])
def test_what_is_not_a_function_is_a_sentence(declare: Any) -> None:
    with pytest.raises(HarnessError, match=r"'s function is 3 \(of type int\); expected a function or None"):
        declare(3)
    with pytest.raises(HarnessError, match=r" 'partial' is functools.partial.*; expected a function of \("):
        declare(functools.partial(single))
