import pytest

from measures.controls.constant import constant
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network


@pytest.mark.parametrize("name", ["mlp_1x4", "mlp_3x5", "convnet_bn"])
def test_is_0_for_every_network(name):
    assert constant(random_network(name, seed=1)) == 0


def test_sees_no_change_at_all():
    assert_sees_only(constant, set(), seed=1)
