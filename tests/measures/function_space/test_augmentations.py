import colorsys

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures.function_space._augmentations import brightened, cropped, edges, erased, flipped, saturated


def images(seed, count=3, channels=3, height=6, width=7):
    return torch.rand(count, channels, height, width, generator=torch.Generator().manual_seed(seed)).double()


def test_a_flip_exchanges_left_and_right_and_brightness_adds_a_half():
    image = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    assert flipped(image).tolist() == [[[[2.0, 1.0], [4.0, 3.0]]]]
    assert brightened(image).tolist() == [[[[1.5, 2.5], [3.5, 4.5]]]]


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000), st.floats(0, 3))
def test_saturation_is_that_of_hue_saturation_and_value(seed, factor):
    image = images(seed, count=1, height=2, width=2)
    changed = saturated(image, torch.tensor([factor], dtype=torch.float64))
    for row in range(2):
        for column in range(2):
            hue, saturation, value = colorsys.rgb_to_hsv(*image[0, :, row, column].tolist())
            expected = colorsys.hsv_to_rgb(hue, min(1.0, saturation * factor), value)
            assert changed[0, :, row, column].tolist() == pytest.approx(expected, abs=1e-9)


def test_grey_and_black_stay_as_they_are():
    grey = images(0, channels=1)
    assert torch.equal(saturated(grey, torch.full((3,), 1.5)), grey)
    assert torch.equal(saturated(torch.zeros(1, 3, 2, 2), torch.tensor([1.5])), torch.zeros(1, 3, 2, 2))
    alike = torch.full((1, 3, 2, 2), 0.4)
    assert torch.equal(saturated(alike, torch.tensor([1.5])), alike)


def test_a_crop_leaves_out_the_border_and_keeps_the_size():
    image = torch.zeros(1, 1, 28, 28)
    image[:, :, 0, :] = 1
    image[:, :, :, -1] = 1
    assert cropped(image).shape == image.shape
    assert not bool(cropped(image).any())
    assert torch.allclose(cropped(torch.ones(1, 1, 32, 32)), torch.ones(1, 1, 32, 32))
    small = images(1, height=8, width=8)
    assert torch.equal(cropped(small), small)


def test_a_crop_that_is_not_square_keeps_its_proportions_and_is_padded():
    changed = cropped(torch.ones(1, 1, 40, 15))  # 36 x 15 is left: it fills the width, and 36 of 40 rows
    assert changed[0, 0, :, 0].tolist() == [0.0] * 2 + [1.0] * 36 + [0.0] * 2


def test_edges_of_a_step_are_as_high_as_the_step_and_a_flat_image_has_none():
    step = torch.zeros(1, 2, 5, 6)
    step[..., 3:] = 1
    assert edges(step)[0, 1, 2].tolist() == [0.5, 0.5, 1.5, 1.5, 0.5, 0.5]
    assert torch.equal(edges(torch.full((1, 1, 4, 4), 0.3)), torch.full((1, 1, 4, 4), 0.5))
    assert edges(torch.ones(1, 1, 1, 1)).tolist() == [[[[0.5]]]]


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 1000), st.integers(1, 30), st.integers(1, 30))
def test_a_rectangle_is_erased_of_a_size_within_the_bounds(seed, height, width):
    draws = torch.rand(4, 4, generator=torch.Generator().manual_seed(seed))
    gone = erased(torch.ones(4, 1, height, width), draws) == 0
    least, most = round((0.006 * height * width) ** 0.5), round((height * width / 0.75) ** 0.5)
    for mask in gone[:, 0]:
        rows, columns = mask.any(dim=1).nonzero()[:, 0], mask.any(dim=0).nonzero()[:, 0]
        assert int(mask.sum()) == len(rows) * len(columns)
        for places, length in ((rows, height), (columns, width)):
            if len(places):
                assert places.tolist() == list(range(int(places[0]), int(places[-1]) + 1))
                assert min(least, length - 1) <= len(places) < max(2, min(most, length))
