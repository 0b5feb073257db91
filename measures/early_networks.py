"""The networks of early training, for measures that cannot do without one."""

from torch import nn

from measures.errors import NotApplicable
from measures.trained_model import TrainedModel


def early_networks(trained: TrainedModel) -> tuple[tuple[int, nn.Module], ...]:
    """`snapshots`, with their epochs; NotApplicable if there is none."""
    if not trained.snapshots:
        epochs = trained.history.epochs
        why = ": it stopped in its first epoch" if epochs == 1 else f", of {epochs} epochs of training"
        raise NotApplicable(f"no network from early in training was kept{why}")
    return trained.snapshots


def first_epochs_network(trained: TrainedModel) -> nn.Module:
    """The network at the end of the first epoch; NotApplicable if it was not kept."""
    epoch, network = early_networks(trained)[0]
    if epoch != 1:
        raise NotApplicable(f"the first network that was kept is of the end of epoch {epoch}, not of the first")
    return network
