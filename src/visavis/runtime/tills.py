"""When the tills of each place were working, as far as what they reported tells."""

from bisect import bisect_right
from typing import Final

from msgspec import Struct

from visavis.model.entry import Entry
from visavis.model.moment import Bought, Paying

JOINED_S: Final = 3_600.0
"""Two reports no further apart than this are one stretch of time."""
STRETCHES_LIMIT: Final = 512
"""How many stretches are kept of one place, the newest: more than a year of opening days."""
ANYWHERE: Final = ""
"""The tills of all places together."""


class Stretches(Struct):
    """Stretches of time in which reports followed each other closely, in order (epoch seconds)."""

    starts: list[float]
    ends: list[float]

    def add(self, at: float) -> None:
        """A report that occurred then; in whichever order reports come, the stretches are the same."""
        i = bisect_right(self.starts, at)
        before = i > 0 and at - self.ends[i - 1] <= JOINED_S
        after = i < len(self.starts) and self.starts[i] - at <= JOINED_S
        if before and after:
            del self.starts[i], self.ends[i - 1]
        elif before:
            self.ends[i - 1] = max(self.ends[i - 1], at)
        elif after:
            self.starts[i] = at
        else:
            self.starts.insert(i, at)
            self.ends.insert(i, at)
            del self.starts[:-STRETCHES_LIMIT], self.ends[:-STRETCHES_LIMIT]

    def fresh(self, opens_at: float, until: float, stale_after_s: float) -> bool:
        """Whether at each instant from ``opens_at`` to ``until`` the last report was no older than this."""
        i = bisect_right(self.starts, opens_at) - 1
        last = self.ends[i] if i >= 0 else float("-inf")
        while last < until:
            i += 1
            silent_until = min(until, self.starts[i]) if i < len(self.starts) else until
            if silent_until > opens_at and silent_until - last > stale_after_s:
                return False
            last = self.ends[i] if i < len(self.starts) else until
        return True


class Tills:
    """What is known of the brand's tills: no till reports that it works, so its baskets show it."""

    def __init__(self) -> None:
        self._places: dict[str, Stretches] = {}

    def note(self, entry: Entry) -> None:
        """Take in an entry: a basket shows that the till of its place was working when it occurred."""
        if isinstance(entry.moment, Bought | Paying):
            at = entry.moment.occurred_at.timestamp()
            for place in (entry.moment.place, ANYWHERE):
                self._places.setdefault(place, Stretches([], [])).add(at)

    def worked(self, place: str, opens_at: float, until: float, stale_after_s: float) -> bool:
        """Whether the till of this place, or any of a place without one, was working all that time."""
        found = self._places.get(place) or self._places.get(ANYWHERE)
        return found is not None and found.fresh(opens_at, until, stale_after_s)

    def stale(self, now: float, stale_after_s: float) -> dict[str, float]:
        """The places whose till has been silent for longer than this, and since when."""
        last = {place: found.ends[-1] for place, found in self._places.items() if place != ANYWHERE}
        return {place: at for place, at in sorted(last.items()) if now - at > stale_after_s}
