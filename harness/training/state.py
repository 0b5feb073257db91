"""All that changes while a network trains, to be kept in a checkpoint and taken up again."""

import contextlib
import time

import torch
from torch import Tensor, nn

from harness.training.checkpoint import Checkpoint
from harness.training.log import TrainingLog
from harness.training.stopping import StopAtLoss

FORMAT = 2  # of what is kept; an older one has no state but of momentum
ALWAYS_KEPT = {
    "stop/looks",
    "stop/previous_loss",
    "log/losses",
    "log/correct",
    "log/rates",
    "so_far/format",
    "so_far/epochs",
    "so_far/seconds",
    "so_far/test_errors",
}


class TrainingState:
    """Weights, what the optimizer keeps, random streams, what stopping rule and log remember, test errors, seconds."""

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        streams: tuple[torch.Generator, ...],
        stop: StopAtLoss,
        log: TrainingLog,
    ):
        self.model, self.optimizer, self.streams, self.stop, self.log = model, optimizer, streams, stop, log
        self.test_errors: list[float] = []
        self.earlier_seconds = 0.0
        self.started = time.perf_counter()

    def seconds(self) -> float:
        """Of training, from its first start."""
        return self.earlier_seconds + time.perf_counter() - self.started

    def keep(self, checkpoint: Checkpoint | None, epochs: int) -> None:
        """Write it all, if it is time to and there is room: training goes on without, and the last one stays."""
        if checkpoint is None or not checkpoint.due():
            return
        parts = {
            "model": self.model.state_dict(),
            "optimizer": self._of_optimizer(),
            "stream": self._stream_states(),
            "stop": self.stop.state(),
            "log": self.log.state(),
            "global": self._global_streams(),
            "so_far": {
                "format": torch.tensor(FORMAT),
                "epochs": torch.tensor(epochs),
                "seconds": torch.tensor(self.seconds(), dtype=torch.float64),
                "test_errors": torch.tensor(self.test_errors, dtype=torch.float64),
            },
        }
        with contextlib.suppress(OSError):
            checkpoint.save({f"{part}/{name}": each for part, some in parts.items() for name, each in some.items()})

    def resume(self, checkpoint: Checkpoint | None) -> int:
        """Take up what was kept, if anything was; how many epochs were done by then.

        A state of another network, or of a version that kept other things, is ignored. Dropout draws from the
        global generators: call this where they are the training's own.
        """
        kept = None if checkpoint is None else checkpoint.load()
        if kept is None or not self._is_ours(kept):
            return 0
        device = self._device()
        with torch.no_grad():
            for name, tensor in self.model.state_dict().items():
                tensor.copy_(kept[f"model/{name}"])
            self._restore_optimizer(_part(kept, "optimizer/"))
        for i, stream in enumerate(self.streams):
            stream.set_state(kept[f"stream/{i}"])
        self.stop.restore(_part(kept, "stop/"))
        self.log.restore(_part(kept, "log/"))
        torch.random.set_rng_state(kept["global/cpu"])
        if device.type == "cuda":
            torch.cuda.set_rng_state(kept["global/cuda"], device)
        self.earlier_seconds = kept["so_far/seconds"].item()
        self.test_errors = kept["so_far/test_errors"].tolist()
        return int(kept["so_far/epochs"])

    def _is_ours(self, kept: dict[str, Tensor]) -> bool:
        """Whether it has all that is taken up, in the shapes that it has here."""
        here = {"model": self.model.state_dict(), "stream": self._stream_states(), "global": self._global_streams()}
        shapes = {f"{part}/{name}": each.shape for part, some in here.items() for name, each in some.items()}
        weights = {number: parameter.shape for number, parameter in enumerate(self._parameters())}
        return (
            ALWAYS_KEPT <= kept.keys()
            and int(kept["so_far/format"]) == FORMAT
            and all(name in kept and kept[name].shape == shape for name, shape in shapes.items())
            and all(
                not tensor.ndim or tensor.shape == weights.get(int(name.partition(".")[0]))
                for name, tensor in _part(kept, "optimizer/").items()
            )
        )

    def _stream_states(self) -> dict[str, Tensor]:
        return {str(i): stream.get_state() for i, stream in enumerate(self.streams)}

    def _parameters(self) -> list[nn.Parameter]:
        return list(self.optimizer.param_groups[0]["params"])

    def _of_optimizer(self) -> dict[str, Tensor]:
        """What it keeps of each parameter that has had a gradient, by the parameter's number: momenta, counts."""
        return {
            f"{number}.{name}": value
            for number, parameter in enumerate(self._parameters())
            for name, value in self.optimizer.state.get(parameter, {}).items()
            if isinstance(value, Tensor)
        }

    def _restore_optimizer(self, kept: dict[str, Tensor]) -> None:
        parameters = self._parameters()
        for numbered, tensor in kept.items():
            number, _, name = numbered.partition(".")
            parameter = parameters[int(number)]
            like = torch.empty_like(parameter) if tensor.ndim else torch.empty_like(tensor, device=parameter.device)
            self.optimizer.state[parameter][name] = like.copy_(tensor)

    def _global_streams(self) -> dict[str, Tensor]:
        """Dropout draws from them, and so may any network."""
        device = self._device()
        on_device = {"cuda": torch.cuda.get_rng_state(device)} if device.type == "cuda" else {}
        return {"cpu": torch.random.get_rng_state(), **on_device}

    def _device(self) -> torch.device:
        return next(self.model.parameters()).device


def _part(kept: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in kept.items() if name.startswith(prefix)}
