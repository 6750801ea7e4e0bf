"""The system clock, and one that tests and rehearsals set by hand."""

from datetime import UTC, datetime
from time import monotonic, time
from typing import Final

from visavis.model.errors import Invalid

LATEST_S: Final = datetime(2200, 1, 1, tzinfo=UTC).timestamp()


class SystemClock:
    """The machine's clock, kept from going back."""

    def __init__(self) -> None:
        self._latest = 0.0

    def now(self) -> datetime:
        """The present instant."""
        self._latest = max(self._latest, time())
        return datetime.fromtimestamp(self._latest, UTC)


class TurnedClock:
    """A clock that stands still until it is set, and never goes back; with ``runs`` it goes on from there."""

    def __init__(self, *, runs: bool = False) -> None:
        self._at = 0.0
        self._runs = runs
        self._since = monotonic()

    def turn(self, at: float) -> None:
        """Go to this instant (epoch seconds), or stay when it is past; :class:`Invalid` after the year 2199."""
        if not at <= LATEST_S:
            raise Invalid("This instant is too far away.", advice="Give epoch seconds before the year 2200.")
        self._at, self._since = max(self._now(), at), monotonic()

    def now(self) -> datetime:
        """The instant that the clock shows."""
        return datetime.fromtimestamp(self._now(), UTC)

    def _now(self) -> float:
        return self._at + (monotonic() - self._since if self._runs else 0.0)
