"""Theorem 1: 2n + d weights represent every sample exactly, however badly it lies; deeper networks need less width."""

import dataclasses
import itertools
import json
import math
from fractions import Fraction
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from hypothesis import assume, given, settings
from PIL import Image
from torch import Tensor

from harness.errors import HarnessError
from harness.paper import expressivity, projection
from harness.paper.projection import _of_widest_smallest_gap, exact_projections, separation
from harness.paper.relu_networks import DeepNetwork, TwoLayerNetwork, deep_layers, error_bound
from harness.paper.representation import Representation, represent, solve
from harness.settings import make_settings
from harness.sources import CIFAR10_CLASSES

EPSILON = Fraction(1, 2**52)
Sample = tuple[list[list[float]], list[float]]

anything = st.floats(allow_nan=False, allow_infinity=False)
moderate = st.floats(-1e100, 1e100, allow_subnormal=False)


@st.composite
def samples(draw, labels=anything, most=10) -> Sample:
    """Distinct points: of any size, or scaled by feature, in clusters, on a line, on a grid; shuffled by nature."""
    n, d = draw(st.integers(1, most)), draw(st.integers(1, 4))
    kind = draw(st.sampled_from(["any", "scaled", "clustered", "line", "grid"]))
    entry = anything if kind == "any" else st.floats(-1, 1)
    points = draw(st.lists(st.tuples(*[entry] * d), min_size=n, max_size=n))
    if kind == "scaled":
        scales = draw(st.tuples(*[st.sampled_from([1e-300, 1e-12, 1.0, 1e12, 1e300])] * d))
        points = [tuple(x * s for x, s in zip(point, scales, strict=True)) for point in points]
    if kind == "clustered":  # at relative distances of about 1e-12 around a few centres
        centres = draw(st.lists(st.tuples(*[st.floats(-1e3, 1e3)] * d), min_size=1, max_size=3))
        near = [(i, point, centres[i % len(centres)]) for i, point in enumerate(points)]
        points = [tuple(c + 1e-9 * (x + i) for x, c in zip(point, centre, strict=True)) for i, point, centre in near]
    if kind == "line":
        way = draw(st.tuples(*[st.floats(-1, 1)] * d))
        points = [tuple(point[0] * w + 0.5 for w in way) for point in points]
    if kind == "grid":
        points = [tuple(float(round(3 * x)) for x in point) for point in points]
    unique = [list(point) for point in dict.fromkeys(points)]
    return unique, draw(st.lists(labels, min_size=len(unique), max_size=len(unique)))


def tensors(sample: Sample) -> tuple[Tensor, Tensor]:
    return torch.tensor(sample[0], dtype=torch.float64), torch.tensor(sample[1], dtype=torch.float64)


def gaussian(n: int, d: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn(n, d, generator=generator, dtype=torch.float64)
    return points, torch.randint(10, (n,), generator=generator).double()


def naive_projection(direction: list[float], point: list[float]) -> Fraction:
    return sum((Fraction(a) * Fraction(x) for a, x in zip(direction, point, strict=True)), Fraction(0))


def naive(represented: Representation, point: list[float]) -> Fraction:
    """c(x) as it stands in the paper, in rational arithmetic."""
    z = naive_projection(represented.direction.tolist(), point)
    terms = zip(represented.weights, represented.knots, strict=True)
    return sum((w * max(z - b, Fraction(0)) for w, b in terms), Fraction(0))


def triangular(represented: Representation) -> np.ndarray:
    """A of the paper in float64."""
    return np.array([[float(max(z - b, 0)) for b in represented.knots] for z in represented.projections])


def naive_deep(represented: Representation, num_hidden: int, z: Fraction) -> Fraction:
    """The deep network layer by layer in rational arithmetic."""
    hidden, output = deep_layers(represented, num_hidden)
    units = [z]
    for matrix, bias in hidden:
        sums = (sum(w * u for w, u in zip(row, units, strict=True)) + b for row, b in zip(matrix, bias, strict=True))
        units = [max(total, Fraction(0)) for total in sums]
    return sum((w * u for w, u in zip(output[0], units, strict=True)), Fraction(0))


def test_weights_are_differences_of_slopes() -> None:
    """Slopes 1 from -3 to 0, -2 to 1, 2 to 3: from nothing to 3, 1 and 5."""
    found = solve(*([Fraction(each) for each in numbers] for numbers in ([0, 1, 3], [-3, 0, 1], [3, 1, 5])))
    assert found == [1, -3, 4]


@settings(max_examples=200)
@given(samples())
def test_every_label_is_represented_exactly(sample: Sample) -> None:
    represented = represent(*tensors(sample))
    for point, label in zip(*sample, strict=True):
        assert naive(represented, point) == Fraction(label)


@settings(max_examples=50)
@given(samples(), samples())
def test_the_fast_evaluation_is_the_sum_of_the_paper(sample: Sample, other: Sample) -> None:
    d = len(sample[0][0])
    represented = represent(*tensors(sample))
    elsewhere = [(point * d)[:d] for point in other[0]]
    assert represented(torch.tensor(elsewhere, dtype=torch.float64)) == [naive(represented, x) for x in elsewhere]


@given(st.lists(st.tuples(anything, anything, anything), min_size=1, max_size=3), st.tuples(*[anything] * 3))
def test_projections_are_exact(points: list[tuple[float, ...]], direction: tuple[float, ...]) -> None:
    found = exact_projections(np.array(points), np.array(direction))
    assert found == [naive_projection(list(direction), list(point)) for point in points]


@given(samples())
def test_knots_and_projections_are_interleaved(sample: Sample) -> None:
    represented = represent(*tensors(sample))
    z, b = represented.projections, represented.knots
    assert b[0] < z[0]
    assert list(b[1:]) == list(z[:-1])
    assert all(low < high for low, high in itertools.pairwise(z))


@given(samples())
def test_no_weight_exceeds_its_bound(sample: Sample) -> None:
    represented = represent(*tensors(sample))
    assert max(map(abs, represented.weights)) <= represented.weight_bound


@pytest.mark.parametrize(("n", "d"), [(2, 1), (7, 2), (12, 20)])
def test_the_smallest_eigenvalue_is_the_smallest_gap_and_bounds_the_inverse(n: int, d: int) -> None:
    represented = represent(*gaussian(n, d))
    matrix = triangular(represented)
    smallest = float(represented.smallest_eigenvalue)
    assert np.allclose(matrix, np.tril(matrix))
    assert np.abs(np.linalg.eigvals(matrix)).min() == pytest.approx(smallest)
    assert np.diff([float(z) for z in represented.projections]).min() == pytest.approx(smallest)
    weights = np.linalg.solve(matrix, [float(y) for y in represented.labels])
    assert [float(w) for w in represented.weights] == pytest.approx(list(weights), rel=1e-6, abs=1e-6)
    for norm in (2, np.inf):
        assert np.linalg.norm(np.linalg.inv(matrix), norm) <= 4 / smallest * (1 + 1e-9)


def test_with_knots_elsewhere_the_eigenvalue_bounds_no_weight() -> None:
    z, b = [Fraction(0), Fraction(1000)], [Fraction(-1), Fraction(999)]
    assert solve(z, b, [Fraction(1), Fraction(0)]) == [1, -1001]


@settings(max_examples=150)
@given(samples(labels=moderate))
def test_rounded_weights_leave_their_own_rounding_alone(sample: Sample) -> None:
    try:
        rounded = represent(*tensors(sample)).in_float64()
    except HarnessError:  # projections that are one number, or weights beyond float64
        assume(False)
    numbers = [*rounded.knots, *rounded.weights, *rounded.projections]
    assert all(Fraction(float(number)) == number for number in numbers)
    columns = (rounded.projections, rounded.knots, rounded.weights, rounded.labels)
    for z, b, w, y in zip(*columns, strict=True):
        assert abs(rounded.at(z) - y) <= (EPSILON / 2 * abs(w) + Fraction(1, 2**1075)) * (z - b)


@settings(max_examples=150)
@given(samples(labels=moderate))
def test_the_networks_err_by_no_more_than_the_bound(sample: Sample) -> None:
    points, labels = tensors(sample)
    represented = represent(points, labels)
    try:
        represented.in_float64()
    except HarnessError:
        assume(False)
    assert ((TwoLayerNetwork(represented)(points) - labels).abs() <= error_bound(represented, points)).all()
    for k in {1, min(2, len(points)), len(points)}:
        error = (DeepNetwork(represented, k)(points) - labels).abs()
        assert (error <= error_bound(represented, points, k)).all()


def test_the_bound_says_something() -> None:
    """Ten thousand roundings of the labels at most where gaps are even; and clusters do not make it meaningless."""
    points, labels = gaussian(50, 100)
    assert error_bound(represent(points, labels), points).max() < 1e4 * 50 * 9 * float(EPSILON)
    pairs = torch.cat([points, points + 1e-9])
    both = torch.cat([labels, labels.flip(0)])
    represented = represent(pairs, both)
    assert error_bound(represented, pairs).max() < 0.1
    assert (TwoLayerNetwork(represented)(pairs) - both).abs().max() < 1e-3


def test_several_hundred_points_in_pairs_are_exact() -> None:
    """At relative distances of 1e-12, and with labels that differ by 18 orders of magnitude."""
    points, labels = gaussian(150, 3)
    pairs = torch.cat([points, points * (1 + 1e-12)])
    both = torch.cat([labels * 1e9, labels.flip(0) * 1e-9])
    represented = represent(pairs, both)
    assert represented(pairs) == [Fraction(y) for y in both.tolist()]


@pytest.mark.parametrize(("n", "d"), [(1, 1), (1, 5), (6, 1), (30, 8)])
def test_the_network_has_2n_plus_d_parameters(n: int, d: int) -> None:
    points, labels = gaussian(n, d)
    represented = represent(points, labels)
    network = TwoLayerNetwork(represented)
    assert sum(each.numel() for each in network.parameters()) == represented.num_weights == 2 * n + d
    assert network(points).tolist() == pytest.approx(labels.tolist(), abs=1e-9)


def test_equal_points_with_equal_labels_are_one_point() -> None:
    points = torch.tensor([[1.0, 0.0], [2.0, 5.0], [1.0, -0.0]])
    represented = represent(points, torch.tensor([3, 4, 3]))
    assert represented.num_weights == 2 * 2 + 2
    assert sorted(represented.indices) == [0, 1]
    assert represented(points) == [3, 4, 3]


def test_equal_points_with_different_labels_are_refused_by_name() -> None:
    with pytest.raises(HarnessError, match=r"points 1 and 3 are equal, but their labels are 2 and 4"):
        represent(torch.tensor([[0.0], [1.0], [2.0], [1.0]]), torch.tensor([1.0, 2.0, 3.0, 4.0]))


@pytest.mark.parametrize(
    ("points", "labels", "message"),
    [
        (torch.zeros(3), torch.zeros(3), r"points are \(3,\)"),
        (torch.zeros(0, 2), torch.zeros(0), "one point"),
        (torch.zeros(2, 0), torch.zeros(2), "one feature"),
        (torch.zeros(2, 1), torch.zeros(3), r"labels \(3,\)"),
        (torch.tensor([[math.nan]]), torch.zeros(1), "finite"),
        (torch.zeros(1, 1), torch.tensor([math.inf]), "finite"),
    ],
)
def test_what_is_no_sample_is_refused(points: Tensor, labels: Tensor, message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        represent(points, labels)


def test_what_float64_cannot_hold_is_refused_and_the_exact_one_holds() -> None:
    points, labels = gaussian(5, 2)
    represented = represent(points, labels * 1e307)
    assert represented(points) == [Fraction(y) for y in (labels * 1e307).tolist()]
    with pytest.raises(HarnessError, match="beyond float64"):
        represented.in_float64()
    z = represented.projections
    close = (z[0], *(z[1] + Fraction(i, 2**80) for i in range(4)))
    i, j = represented.indices[1:3]
    with pytest.raises(HarnessError, match=f"points {i} and {j} have projections that are one number"):
        TwoLayerNetwork(dataclasses.replace(represented, projections=close))


def test_one_direction_serves_all_labels() -> None:
    points, labels = gaussian(20, 3)
    first, second = represent(points, labels), represent(points, labels.flip(0))
    assert torch.equal(first.direction, second.direction)
    assert first.knots == second.knots
    assert first.weights != second.weights
    assert not torch.equal(represent(points, labels, seed=1).direction, first.direction)


@pytest.mark.parametrize(("n", "d"), [(2, 1), (10, 9), (10, 30)])
def test_in_enough_dimensions_the_gaps_are_equal(n: int, d: int) -> None:
    points, labels = gaussian(n, d)
    z = [float(each) for each in represent(points * 1e-3 + 7, labels).projections]
    assert np.diff(z) == pytest.approx(np.full(n - 1, 1 / (n - 1)), rel=1e-6)


def test_a_sample_too_large_for_the_linear_program_has_equal_gaps_where_dimensions_allow(monkeypatch) -> None:
    monkeypatch.setattr(projection, "LARGEST_PROGRAM", 0)
    points, labels = gaussian(20, 40)
    assert float(represent(points, labels).smallest_eigenvalue) == pytest.approx(1 / 19)


def test_a_direction_on_which_two_points_meet_is_not_taken(monkeypatch) -> None:
    monkeypatch.setattr(projection, "_ranked", lambda points, drawn: [np.array([1.0, 1.0]), np.array([2.0, 1.0])])
    represented = represent(torch.eye(2), torch.tensor([5.0, 7.0]))
    assert represented.direction.tolist() == [2, 1]
    assert represented.indices == (1, 0)


def test_the_first_knot_stays_below_the_first_point_in_float64() -> None:
    """Neighbouring numbers at -1, where those below are twice as far apart as those above."""
    represented = represent(*gaussian(2, 1))
    close = (Fraction(-1), Fraction(-1) + Fraction(1, 2**53))
    rounded = dataclasses.replace(represented, projections=close).in_float64()
    assert rounded.knots[0] < rounded.projections[0]


@pytest.mark.parametrize("large", [5e-324, 1e-310, 1.7e308])
def test_the_smallest_and_the_largest_numbers_are_told_apart(large: float) -> None:
    points = torch.tensor([[0.0, 1.0], [large, 1.0], [-large, 1.0]], dtype=torch.float64)
    labels = torch.tensor([3.0, 4.0, 8.0], dtype=torch.float64)
    represented = represent(points, labels)
    assert represented(points) == [3, 4, 8]
    assert TwoLayerNetwork(represented)(points).tolist() == pytest.approx([3, 4, 8], rel=1e-12)


def test_features_that_are_the_same_everywhere_have_no_weight() -> None:
    points, labels = gaussian(5, 2)
    constant = torch.full((5, 1), 1e300, dtype=torch.float64)
    direction = represent(torch.cat([constant, points], dim=1), labels).direction
    assert direction[0] == 0
    assert (direction[1:] != 0).all()


@pytest.mark.parametrize("seed", range(4))
def test_the_linear_program_finds_the_widest_smallest_gap_of_the_order(seed: int) -> None:
    """Against all directions of the plane that keep it, by angle."""
    points = gaussian(6, 2, seed)[0].numpy()
    points = points[np.argsort(points @ [1.0, 0.3])]
    found = _of_widest_smallest_gap(points)
    assert found is not None
    best = 0.0
    for angle in np.linspace(0, 2 * np.pi, 20_001):
        gaps = np.diff(points @ [np.cos(angle), np.sin(angle)])
        if gaps.min() > 0:
            best = max(best, gaps.min() / gaps.sum())
    assert np.diff(points @ found).min() == pytest.approx(best, rel=1e-2)
    assert np.ptp(points @ found) == pytest.approx(1)


def test_the_direction_separates_better_than_random_ones() -> None:
    points, labels = gaussian(200, 20)
    chosen = represent(points, labels).direction.numpy()
    drawn = np.random.default_rng(0).standard_normal((200, 20))
    assert separation(points.numpy(), chosen) > 2 * max(separation(points.numpy(), each) for each in drawn)


@settings(max_examples=50)
@given(samples(most=7), st.data())
def test_deep_networks_are_the_same_function_exactly(sample: Sample, data: st.DataObject) -> None:
    represented = represent(*tensors(sample))
    k = data.draw(st.integers(1, len(sample[0])))
    for z, y in zip(represented.projections, represented.labels, strict=True):
        assert naive_deep(represented, k, z) == y
    z = data.draw(st.fractions(-3, 3))
    assert naive_deep(represented, k, z) == represented.at(z)


@pytest.mark.parametrize("n", [1, 2, 7, 24])
def test_k_hidden_layers_are_n_over_k_and_4_wide_with_few_weights(n: int) -> None:
    points, labels = gaussian(n, 5)
    represented = represent(points, labels)
    for k in {1, min(2, n), min(3, n), min(5, n), n}:
        network = DeepNetwork(represented, k)
        assert len(network.hidden) == k
        assert network.width <= math.ceil(n / k) + 4
        assert network.num_nonzero <= 5 * n + 8 * k + 5
        assert network(points).tolist() == pytest.approx(labels.tolist(), abs=1e-9)


def test_the_layers_of_a_small_network_by_hand() -> None:
    """Of 7 points in blocks of 3, 2 and 2: with z, with z and s, with s."""
    represented = represent(gaussian(7, 2)[0], torch.randn(7, generator=torch.Generator().manual_seed(0)))
    hidden, output = deep_layers(represented, 3)
    assert [matrix.shape for matrix, _ in hidden] == [(5, 1), (6, 5), (4, 6)]
    assert output.shape == (1, 4)
    assert DeepNetwork(represented, 3).width == 6
    # direction; blocks with biases; z; what s is made of, twice; output
    assert DeepNetwork(represented, 3).num_nonzero == 2 + (6 + 3 * 4) + (2 + 4) + 2 * (3 + 2 + 2) + 4


@pytest.mark.parametrize("k", [0, 5])
def test_more_layers_than_points_are_refused(k: int) -> None:
    with pytest.raises(HarnessError, match=f"{k} hidden layers for 4 points"):
        DeepNetwork(represent(*gaussian(4, 2)), k)


def test_cifar10_is_a_sample_where_it_is_there_and_is_not_downloaded(tmp_path: Path) -> None:
    found = make_settings(cache_dir=str(tmp_path), data_dir=str(tmp_path / "data"))
    assert "cifar10" not in expressivity.samples(found)
    for split, name in itertools.product(("train", "test"), CIFAR10_CLASSES):
        place = tmp_path / "data" / split / name / "0.png"
        place.parent.mkdir(parents=True)
        Image.fromarray(np.random.default_rng(len(name)).integers(256, size=(32, 32, 3), dtype=np.uint8)).save(place)
    points = expressivity.samples(found)["cifar10"](3)
    assert points.shape == (3, 2352)
    assert points.mean(dim=1).tolist() == pytest.approx([0] * 3, abs=1e-5)


def test_the_command_writes_counts_beside_the_papers_and_a_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expressivity, "QUICK_SIZES", (4, 8))
    options = ["--quick", "--out", str(tmp_path), "--cache-dir", str(tmp_path / "cache")]
    result = CliRunner().invoke(expressivity.command, options, catch_exceptions=False)
    assert result.exit_code == 0
    rows = json.loads((tmp_path / "expressivity.json").read_text())["rows"]
    assert {(row["sample"], row["num_distinct"]) for row in rows} >= {("gaussian, d = 1", 8), ("digits", 4)}
    for row in rows:
        expected = 2 * row["num_points"] + row["dimension"]
        assert row["num_weights"] == {"ours": expected, "paper": expected, "difference": 0}
        assert row["error_in_exact_arithmetic"] == 0
        assert row["largest_weight"] <= row["weight_bound"]
        for each in (row, *row["deep"]):
            assert each["error_in_float64"] <= each["error_bound_in_float64"] < 1e-6
        assert [deep["hidden_layers"] for deep in row["deep"]] == [2, 3, row["num_points"]]
    for place in ("expressivity.json", "expressivity.svg", "expressivity.png"):
        assert str(tmp_path / place) in result.output
        assert (tmp_path / place).stat().st_size > 1000
