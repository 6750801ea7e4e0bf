"""How late a card is on glasses that a vendor simulates: from the waking moment until the glasses report it drawn.

Even's simulator of the G2 and Brilliant's emulator of the Halo (``make peers``), without the delay of a radio link.
"""

import json
import statistics
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter, sleep
from typing import Any, Final

sys.path.remove(str(Path(__file__).parent))  # its own `devices` is the other benchmark, and would win
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.devices import even_simulator
from support.devices.halo_process import PYTHON, Halo
from support.devices.hosting import Hosting, a_hosting
from visavis.devices.hosts.page import carried

CARDS: Final = 15
GOAL_MS: Final = 20.0
DAYS_S: Final = 2 * 86_400.0


def late_ms(hosting: Hosting, name: str, dark: Callable[[], bool]) -> list[float]:
    """For each of some cards of this person, how long it took to be drawn."""
    found = list[float]()
    while len(found) < CARDS:
        hosting.site.leaves(name)
        hosting.site.passes(DAYS_S)
        while not dark():
            sleep(0.02)
        sleep(0.2)  # the last card is over
        before, started = len(hosting.displayed(name)), perf_counter()
        shown = hosting.site.enters(name)
        if shown is None:  # not every entrance is worth a card
            continue
        while len(hosting.displayed(name)) == before:
            sleep(0.0005)
        found.append((perf_counter() - started) * 1e3)
        hosting.site.answers(name, shown.id)
    return found


def main() -> None:
    """Measure what is there, print a table, and end with one line of JSON."""
    results: list[dict[str, Any]] = []
    with a_hosting() as hosting, ExitStack() as stack:
        ways: dict[str, tuple[str, Callable[[], bool]]] = {}
        if not even_simulator.missing():
            name = hosting.somebody()
            hosting.elsewhere.html = carried(
                "even", "fr", root=hosting.site.url, profile="even-g2", package="com.example.visavis", voice=False
            )
            page = f"{hosting.elsewhere.url}/index.html#key={hosting.paired(name, 'even-g2')}"
            glasses = stack.enter_context(even_simulator.a_simulator(page))
            ways["Even's simulator of the G2"] = name, lambda: not glasses.rows()
        if PYTHON.exists():
            name = hosting.somebody()
            halo = Halo(hosting.site.url, hosting.paired(name, "brilliant-halo"))
            stack.callback(halo.close)
            ways["Brilliant's emulator of the Halo"] = name, lambda: not halo.rows()
        sleep(2)
        for way, (name, dark) in ways.items():
            waits = late_ms(hosting, name, dark)
            for share, value in (("p50", statistics.median(waits)), ("p90", statistics.quantiles(waits, n=10)[-1])):
                figure = f"moment to drawn on {way}, {share}"
                results.append({"figure": figure, "value": round(value, 2), "unit": "ms", "goal": GOAL_MS})
    for one in results:
        print(f"{one['figure']:<66}{one['value']:>10,.2f} {one['unit']}")
    print(json.dumps({"benchmark": "simulators", "results": results}))


if __name__ == "__main__":
    main()
