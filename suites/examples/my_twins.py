"""Networks that a loop of your own has trained, judged by the gate.

python suites/examples/my_twins.py    # the loop of this example, at its end: it writes the state dicts
pytest suites/ -m gate --twins=./suites/examples/my_twins.py::twins --measure=l2_norm
"""

from functools import partial
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from torch import nn

from harness import Checkpoint, Pair

FOLDER = Path(__file__).with_name("my_twins")


def network():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))


def data(seed, random):
    images, labels = (torch.as_tensor(array) for array in load_digits(return_X_y=True))
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(labels), generator=generator)[:100]
    return images[chosen].float() / 16, torch.randint(10, (100,), generator=generator) if random else labels[chosen]


def load(seed, random):
    """One network with exactly what it was trained on."""
    model = network()
    model.load_state_dict(torch.load(FOLDER / f"{seed}-{random}.pt", weights_only=True))
    inputs, labels = data(seed, random)
    return Checkpoint(model=model, inputs=inputs, labels=labels)


twins = [Pair("random_labels", partial(load, seed, False), partial(load, seed, True)) for seed in range(10)]


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    torch.set_num_threads(1)
    for seed, random in ((seed, random) for seed in range(10) for random in (False, True)):
        torch.manual_seed(seed)
        model, (inputs, labels) = network(), data(seed, random)
        optimizer, loss = torch.optim.Adam(model.parameters(), lr=0.01), torch.tensor(1.0)
        while loss > 0.01:
            loss = nn.functional.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        torch.save(model.state_dict(), FOLDER / f"{seed}-{random}.pt")
