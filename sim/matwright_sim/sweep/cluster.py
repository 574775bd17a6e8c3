# SPDX-License-Identifier: Apache-2.0
"""Workers that are those of a dask scheduler, on any number of machines.

Matwright must be installed where they run, the same as here. What needs tools (the Verilog, synthesis)
needs them there, and results are cached there.
"""

import logging
import time
import warnings
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from .errors import SweepError
from .measure import Task, code_version, measure
from .workers import Ended, Lost

__all__ = ["Cluster"]

_PATIENCE = 10
"""Seconds for the scheduler to answer, and for a first worker to be there."""


class Cluster:
    """The workers of the scheduler at ``address``; raises :class:`.SweepError` if there are none."""

    def __init__(self, address: str) -> None:
        try:
            from dask.distributed import Client
        except ModuleNotFoundError as error:
            raise SweepError(
                f"the package {error.name} must be installed for a scheduler: "
                "pip install 'matwright[cluster]'"
            ) from error
        # What it has to say of lost connections is said by exceptions as well.
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        self._address = address
        self._futures: dict[Any, Task] = {}
        try:
            with warnings.catch_warnings():
                # Of versions that differ between here and there; ours are compared below.
                warnings.simplefilter("ignore")
                self._client = Client(address, timeout=_PATIENCE)
        except Exception as error:
            told = " ".join(str(error).split()) or type(error).__name__
            raise SweepError(
                f"no dask scheduler answers at {address}; start one with `dask scheduler`, and "
                f"workers with `dask worker ADDRESS` ({told})"
            ) from error
        try:
            self._check_workers()
        except BaseException:
            self._client.close()
            raise

    def _check_workers(self) -> None:
        end = time.monotonic() + _PATIENCE
        while not self.slots:
            if time.monotonic() > end:
                raise SweepError(
                    f"the dask scheduler at {self._address} must have a worker, not none; "
                    f"start some with `dask worker {self._address}`"
                )
            time.sleep(0.1)
        try:
            versions = self._client.run(code_version)
        except ModuleNotFoundError as error:
            raise SweepError(
                f"the workers of {self._address} must have Matwright installed, "
                f"but they lack {error.name}"
            ) from error
        for worker, version in versions.items():
            if version != code_version():
                raise SweepError(
                    f"worker {worker} must run the same version of Matwright as this process, "
                    "not another"
                )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._client.cancel(list(self._futures), force=True)
        self._futures.clear()
        self._client.close()

    @property
    def slots(self) -> int:
        """Threads of all workers."""
        return sum(worker["nthreads"] for worker in self._workers())

    @property
    def ahead(self) -> int:
        """A task for each worker."""
        return len(self._workers())

    def _workers(self) -> list[dict[str, Any]]:
        return list(self._client.scheduler_info(n_workers=-1)["workers"].values())

    def submit(self, task: Task) -> None:
        """Gives a task to the scheduler."""
        self._futures[self._client.submit(measure, task, pure=False)] = task

    def collect(self, seconds: float) -> Sequence[Ended]:
        """Tasks that have ended, after at most that time."""
        from dask.distributed import wait

        try:
            done = wait(list(self._futures), timeout=seconds, return_when="FIRST_COMPLETED").done
        except TimeoutError:
            done = set()
        if self._client.status not in ("running", "connecting"):
            raise SweepError(
                f"the dask scheduler at {self._address} has gone; start it and run this again to go on"
            )
        ended: list[Ended] = []
        for future in done:
            task = self._futures.pop(future)
            try:
                ended.append((task, future.result()))
            except Exception as error:
                told = " ".join(str(error).split()) or type(error).__name__
                ended.append((task, Lost(f"failed: {told}")))
        return ended
