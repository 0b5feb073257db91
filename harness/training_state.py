"""All that changes while a network trains, to be kept in a checkpoint and taken up again."""

import contextlib
import time

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from harness.checkpoint import Checkpoint
from harness.stopping import StopAtLoss
from harness.training_log import TrainingLog

ALWAYS_KEPT = {
    "stop/looks",
    "stop/previous_loss",
    "log/losses",
    "log/correct",
    "log/rates",
    "so_far/epochs",
    "so_far/seconds",
    "so_far/test_errors",
}


class TrainingState:
    """Weights, momentum, random streams, what the stopping rule and the log remember, test errors, seconds so far."""

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
            "momentum": {str(i): self.optimizer.state[p]["momentum_buffer"] for i, p in self._momenta()},
            "stream": self._stream_states(),
            "stop": self.stop.state(),
            "log": self.log.state(),
            "global": self._global_streams(),
            "so_far": {
                "epochs": torch.tensor(epochs),
                "seconds": torch.tensor(self.seconds(), dtype=torch.float64),
                "test_errors": torch.tensor(self.test_errors, dtype=torch.float64),
            },
        }
        with contextlib.suppress(OSError, SafetensorError):
            checkpoint.save({f"{part}/{name}": each for part, some in parts.items() for name, each in some.items()})

    def resume(self, checkpoint: Checkpoint | None) -> int:
        """Take up what was kept, if anything was; how many epochs were done by then.

        A state that is of another network, or of a version that kept other things, is none. Dropout draws from the
        global generators: call this where they are the training's own.
        """
        kept = None if checkpoint is None else checkpoint.load()
        if kept is None or not self._is_ours(kept):
            return 0
        device = self._device()
        with torch.no_grad():
            for name, tensor in self.model.state_dict().items():
                tensor.copy_(kept[f"model/{name}"])
            for i, parameter in self._momenta():
                buffer = torch.empty_like(parameter).copy_(kept[f"momentum/{i}"])
                self.optimizer.state[parameter]["momentum_buffer"] = buffer
        for i, stream in enumerate(self.streams):
            stream.set_state(kept[f"stream/{i}"])
        self.stop.restore(_part(kept, "stop/"))
        self.log.restore(_part(kept, "log/"))
        if self._draws_globally():
            torch.random.set_rng_state(kept["global/cpu"])
            if device.type == "cuda":
                torch.cuda.set_rng_state(kept["global/cuda"], device)
        self.earlier_seconds = kept["so_far/seconds"].item()
        self.test_errors = kept["so_far/test_errors"].tolist()
        return int(kept["so_far/epochs"])

    def _is_ours(self, kept: dict[str, Tensor]) -> bool:
        """Whether it has all that is taken up, in the shapes that it has here."""
        here = {"model": self.model.state_dict(), "momentum": {str(i): p for i, p in self._momenta()}}
        here |= {"stream": self._stream_states(), "global": self._global_streams()}
        shapes = {f"{part}/{name}": each.shape for part, some in here.items() for name, each in some.items()}
        return ALWAYS_KEPT <= kept.keys() and all(
            name in kept and kept[name].shape == shape for name, shape in shapes.items()
        )

    def _stream_states(self) -> dict[str, Tensor]:
        return {str(i): stream.get_state() for i, stream in enumerate(self.streams)}

    def _momenta(self) -> list[tuple[int, nn.Parameter]]:
        group = self.optimizer.param_groups[0]
        return list(enumerate(group["params"])) if group["momentum"] else []

    def _global_streams(self) -> dict[str, Tensor]:
        if not self._draws_globally():
            return {}
        device = self._device()
        on_device = {"cuda": torch.cuda.get_rng_state(device)} if device.type == "cuda" else {}
        return {"cpu": torch.random.get_rng_state(), **on_device}

    def _draws_globally(self) -> bool:
        return any(isinstance(module, nn.Dropout) for module in self.model.modules())

    def _device(self) -> torch.device:
        return next(self.model.parameters()).device


def _part(kept: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in kept.items() if name.startswith(prefix)}
