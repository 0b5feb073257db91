"""The peak of a process's memory."""

import os
import threading
import time
from types import TracebackType

import psutil

SAMPLING_SECONDS = 0.002


class PeakMemory:
    """The highest resident memory of this process inside a `with`, above what it was at the beginning.

    Looked at every SAMPLING_SECONDS, so that a shorter peak can be missed.
    """

    def __enter__(self) -> "PeakMemory":
        self.process = psutil.Process(os.getpid())
        self.start = self.peak = self.process.memory_info().rss
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, kind: type | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.done.set()
        self.thread.join()
        self._look()

    @property
    def megabytes(self) -> float:
        return (self.peak - self.start) / 2**20

    def _watch(self) -> None:
        while not self.done.is_set():
            self._look()
            time.sleep(SAMPLING_SECONDS)

    def _look(self) -> None:
        self.peak = max(self.peak, self.process.memory_info().rss)
