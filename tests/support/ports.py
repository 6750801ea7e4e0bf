"""Ports for programs that want to open one themselves, and waiting until they have."""

import socket
import subprocess
import time
from collections.abc import Sequence
from threading import Thread
from typing import Final

from visavis.listen import bound_at

START_S: Final = 30.0


def free_port() -> int:
    """A port of this machine that nobody uses now."""
    with bound_at("127.0.0.1", 0) as bound:
        return int(bound.getsockname()[1])


def answers(process: subprocess.Popen[bytes], port: int) -> None:
    """Wait until this program takes connections; fail when it ends, or takes too long."""
    until = time.monotonic() + START_S
    while True:
        assert process.poll() is None, "the server did not start"
        assert time.monotonic() < until, "the server does not answer"
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.02)
        else:
            return


def kill_amid(process: subprocess.Popen[bytes], senders: Sequence[Thread], after_s: float) -> None:
    """Kill this program while these threads send to it; they end when it is gone."""
    for sender in senders:
        sender.start()
    time.sleep(after_s)
    process.kill()
    process.wait()
    for sender in senders:
        sender.join()
