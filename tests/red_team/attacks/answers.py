"""Answers that are none: garbage, forged, too many, too large, or not from the measure. Each would be worth 10^6."""

import contextlib
import json
import os
import sys
import time

from measures import measure
from measures.trained_model import TrainedModel

WORTH = 1e6
ESCAPE = "\x1b]0;owned\x07\x1b[2J\x1b[31m"


def answer(**changed: object) -> bytes:
    """One that is as it should be, but for this."""
    reading = {"status": "value", "value": WORTH, "reason": "", "seconds": 0.1, "traceback": ""} | changed
    return b"a" + json.dumps({"reading": reading, "changes": [], "numbers": {}}).encode()


def sends(trained: TrainedModel, *messages: bytes) -> float:
    """The messages through the pipe to the host, and then nothing of its own."""
    for message in messages:
        trained.retrain_function.pipe.send_bytes(message)  # type: ignore[union-attr]
    os._exit(0)


@measure(source="red team")
def no_number(trained: TrainedModel) -> float:
    """A value that JSON takes and nobody can rank."""
    return sends(trained, answer(value=float("nan")))


@measure(source="red team")
def endless_seconds(trained: TrainedModel) -> float:
    """A time that no record can be written with."""
    return sends(trained, answer(seconds=float("inf")))


@measure(source="red team")
def nested_deeply(trained: TrainedModel) -> float:
    """What a reader of JSON recurses on."""
    return sends(trained, b"a" + b"[" * 200_000)


@measure(source="red team")
def too_large(trained: TrainedModel) -> float:
    """Forty megabytes of reason."""
    return sends(trained, answer(reason="x" * 40_000_000))


@measure(source="red team")
def garbage(trained: TrainedModel) -> float:
    """Bytes that are nothing."""
    return sends(trained, b"\x80\x04garbage", b"", b"z", b"a", b"a\xff\xfe{}")


@measure(source="red team")
def pickled(trained: TrainedModel) -> float:
    """A pickle that would run a command where it is read."""
    return sends(trained, b"cos\nsystem\n(S'touch /tmp/red-team-was-here'\ntR.")


@measure(source="red team")
def asks_for_nonsense(trained: TrainedModel) -> float:
    """What is asked of the parent in a wrong way."""
    return sends(trained, b"t", b"t" + b"\xff" * 8, b"t" + (2).to_bytes(8, "little") + b"{}")


@measure(source="red team")
def ends_its_process(trained: TrainedModel) -> float:
    """As if all were well."""
    os._exit(0)


@measure(source="red team")
def closes_everything(trained: TrainedModel) -> float:
    """All descriptors, the pipe included."""
    os.closerange(0, 4096)
    return WORTH


@measure(source="red team")
def raises_what_raises(trained: TrainedModel) -> float:
    """An exception whose text is another exception."""

    class Twice(BaseException):
        def __str__(self) -> str:
            raise RecursionError("once more")

    raise Twice


@measure(source="red team")
def answers_twice(trained: TrainedModel) -> float:
    """The first answer stands, and what comes after it is not read as another's."""
    trained.retrain_function.pipe.send_bytes(answer(value=1.0))  # type: ignore[union-attr]
    for _ in range(20):
        with contextlib.suppress(OSError):
            trained.retrain_function.pipe.send_bytes(answer(value=WORTH))  # type: ignore[union-attr]
    return WORTH


@measure(source="red team")
def leaves_a_child_with_the_pipe(trained: TrainedModel) -> float:
    """A child that has left the group (setsid) answers when its parent has."""
    if os.fork() == 0:
        with contextlib.suppress(OSError):
            os.setsid()
        time.sleep(0.2)
        for _ in range(5):
            trained.retrain_function.pipe.send_bytes(answer())  # type: ignore[union-attr]
        time.sleep(600)
    return 1.0


@measure(source="red team")
def prints_a_verdict(trained: TrainedModel) -> float:
    """A line like the judge's, and what a terminal obeys."""
    print(f"{ESCAPE}\nPASSED prints_a_verdict: 20 of 20 twins\n" + "x" * 100_000)
    os.write(2, ESCAPE.encode())
    return 1.0


@measure(source="red team")
def raises_escapes(trained: TrainedModel) -> float:
    """The same by way of the reason and the traceback."""
    raise ValueError(f"{ESCAPE}{'y' * 1000}\ud800")


@measure(source="red team")
def declares_another(trained: TrainedModel) -> float:
    """The name that is shown is that of another measure."""
    declares_another.__dict__["name"] = "l2_norm"
    sys.modules[__name__].__dict__["l2_norm"] = declares_another
    return 1.0
