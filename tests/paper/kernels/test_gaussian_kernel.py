"""The Gaussian kernel, by hand."""

import torch

from harness.paper.kernels.gaussian_kernel import GaussianKernel


def test_the_kernel_is_that_of_its_definition() -> None:
    """exp(−γ |x − x'|²): points at distances 0, 1 and 2 on a line."""
    kernel = GaussianKernel(torch.tensor([[0.0], [1.0], [3.0]]), gamma=0.5)
    exponents = torch.tensor([[0.0, 1.0, 9.0], [1.0, 0.0, 4.0], [9.0, 4.0, 0.0]])
    torch.testing.assert_close(kernel(slice(0, 3)), torch.exp(-0.5 * exponents))
    assert torch.equal(kernel(slice(1, 2)), kernel(slice(0, 3))[1:2, :2])
    weights = torch.tensor([[1.0], [2.0]], dtype=torch.float64)
    expected = torch.exp(torch.tensor([-0.5 * 4.0])) + 2 * torch.exp(torch.tensor([-0.5 * 1.0]))
    torch.testing.assert_close(kernel.predict(torch.tensor([[2.0]]), weights)[0], expected)


def test_every_example_is_exactly_like_itself() -> None:
    """Far from 0 rounding makes the distance to itself some 0.01."""
    features = 100 + torch.randn(30, 50, generator=torch.Generator().manual_seed(0))
    kernel = GaussianKernel(features, 1.0)
    assert float(kernel.between(features, 30).diagonal().min()) < 1.0
    assert torch.equal(kernel(slice(10, 30))[:, 10:].diagonal(), torch.ones(20))
