# SPDX-License-Identifier: Apache-2.0
"""A process of :class:`.processes.Processes`: ``python -m matwright_sim.sweep.worker FD``."""

import os
import queue
import sys
import threading
from multiprocessing.connection import Connection

from .measure import Task, measure

__all__ = ["main"]


def main() -> None:
    """Measures what comes over the connection until it closes."""
    connection = Connection(int(sys.argv[1]))
    tasks: queue.SimpleQueue[Task] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(connection, tasks), daemon=True).start()
    while True:
        connection.send(measure(tasks.get()))


def _listen(connection: Connection, tasks: "queue.SimpleQueue[Task]") -> None:
    """Takes tasks; ends the process when there is nobody to give more, in the midst of one too."""
    try:
        while True:
            tasks.put(connection.recv())
    except (EOFError, OSError):
        pass
    finally:
        flow = sys.modules.get("matwright_fpga.tools")
        if flow is not None:
            flow.stop()
        os._exit(0)


if __name__ == "__main__":
    main()
