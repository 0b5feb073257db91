"""How a zoo's network is trained, in a user's words: `sgd`, `adam`, `adamw` give the fields of its recipes."""

from typing import Any

from harness.errors import HarnessError, shown


def sgd(learning_rate: float, *, momentum: float = 0.9, weight_decay: float = 0.0, **fields: Any) -> dict[str, Any]:
    """Stochastic gradient descent; a learning rate alone in the place of it is the same.

    `fields`: how the rate changes (`warmup_epochs`, `cosine_epochs`, or `learning_rate_decay_per_epoch`), `clip_norm`,
    and what else a recipe has for this network alone: `batch_size`, `max_epochs`, `stop_loss`.

    >>> from harness import sgd
    >>> sgd(0.1, momentum=0.0, clip_norm=1.0)
    {'learning_rate': 0.1, 'momentum': 0.0, 'weight_decay': 0.0, 'clip_norm': 1.0}
    """
    return {"learning_rate": learning_rate, "momentum": momentum, "weight_decay": weight_decay, **fields}


def adam(
    learning_rate: float, *, betas: tuple[float, float] = (0.9, 0.999), weight_decay: float = 0.0, **fields: Any
) -> dict[str, Any]:
    """Adam, as in torch; `fields` as for sgd.

    >>> from harness import adam
    >>> adam(1e-3)["optimizer"]
    'adam'
    """
    if not isinstance(betas, tuple | list) or len(betas) != 2:
        raise HarnessError(f"betas are {shown(betas)}; expected two numbers, (0.9, 0.999)")
    return {"optimizer": "adam", **sgd(learning_rate, momentum=betas[0], weight_decay=weight_decay)} | {
        "second_moment_decay": betas[1],
        **fields,
    }


def adamw(
    learning_rate: float, *, betas: tuple[float, float] = (0.9, 0.999), weight_decay: float = 0.01, **fields: Any
) -> dict[str, Any]:
    """AdamW, as in torch, whose weight decay of 0.01 it has; `fields` as for sgd.

    A network that has weight decay already is not asked about by that suite.

    >>> from harness import adamw
    >>> adamw(3e-4, warmup_epochs=5, cosine_epochs=100)["weight_decay"]
    0.01
    """
    return adam(learning_rate, betas=betas, weight_decay=weight_decay, **fields) | {"optimizer": "adamw"}
