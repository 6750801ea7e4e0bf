"""Rebuilding the state from the log."""

import gc
from collections.abc import Iterator

import pytest

from support.people import a_loop, camille
from visavis.model.entry import Entry, WorldEntry
from visavis.model.errors import Unavailable
from visavis.runtime.replay import rebuild
from visavis.store.memory import MemoryEntryLog


class Watched(MemoryEntryLog):
    """A log that notes whether the collector ran while it was read, and may break off."""

    def __init__(self) -> None:
        super().__init__()
        self.collected: list[bool] = []
        self.breaks_off = False

    def scan(self, after: int = 0) -> Iterator[tuple[int, Entry | WorldEntry]]:
        for row in super().scan(after):
            self.collected.append(gc.isenabled())
            yield row
            if self.breaks_off:
                raise Unavailable("The log cannot be read.")


def test_the_garbage_collector_is_off_while_a_log_is_rebuilt_and_on_again_whatever_happens() -> None:
    log = Watched()
    camille(a_loop(log), "reminders")
    log.collected.clear()
    assert rebuild(log).entries == len(log.collected) > 0
    assert not any(log.collected), "the collector looked at what lives on"
    assert gc.isenabled(), "it was not turned on again"
    log.breaks_off = True
    with pytest.raises(Unavailable):
        rebuild(log)
    assert gc.isenabled(), "it was not turned on again"
