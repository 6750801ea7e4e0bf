"""The log's throughput against a plain file with the same bytes and one fsync a group, in turn, in the same run."""

import argparse
import json
import os
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np

from visavis.model.entry import Entry, encode
from visavis.testing import a_log, an_entry


def main() -> None:
    """Measure, print a table, and end with one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="five times as many entries")
    asked = parser.parse_args()
    scale = 5 if asked.full else 1
    results = []
    with tempfile.TemporaryDirectory() as folder:
        print(f"{'group':>6}{'entries/s':>12}{'plain file/s':>14}{'ratio':>8}")
        for group, count in ((1, 300 * scale), (16, 4000 * scale), (256, 20_000 * scale)):
            entries = [an_entry(f"c{i % 500}", f"m{i}", minutes=i % 1000, lines=i % 12) for i in range(count)]
            ours = wrote(folder, group, entries)
            peer = plain(folder, group, entries)
            what, against = f"commit, groups of {group}", "append and fsync the same bytes"
            results.append(figure(what, round(ours), "entries/s", against, round(ours / peer, 2)))
            print(f"{group:>6}{ours:>12,.0f}{peer:>14,.0f}{ours / peer:>8.2f}")
        log = a_log(Path(folder) / "256")
        started = perf_counter()
        read = sum(1 for _ in log.scan())
        scanned = read / (perf_counter() - started)
        started = perf_counter()
        for i in range(2000):
            log.entry(f"c{i % 500}", f"m{i}")
        found = 2000 / (perf_counter() - started)
        log.close()
        size = (Path(folder) / "256" / "log.sqlite").stat().st_size / read
        raw = float(np.mean([len(encode(entry)) for entry in entries]))
        print(
            f"scan and decode {scanned:,.0f} entries/s; look-ups {found:,.0f}/s; {size:.0f} bytes a row on disk for"
            f" entries of {raw:.0f}"
        )
        results.append(figure("scan and decode", round(scanned), "entries/s", None, None))
        results.append(figure("bytes on disk", round(size), "B/entry", "encoded entry", round(size / raw, 2)))
    print(json.dumps({"benchmark": "log", "results": results}))


def figure(name: str, value: int, unit: str, against: str | None, ratio: float | None) -> dict[str, object]:
    """One figure of the line of JSON."""
    return {"figure": name, "value": value, "unit": unit, "against": against, "ratio": ratio, "goal": None}


def wrote(folder: str, group: int, entries: list[Entry]) -> float:
    """Entries a second through the log."""
    log = a_log(Path(folder) / f"{group}")
    started = perf_counter()
    for a in range(0, len(entries), group):
        log.commit(entries[a : a + group])
    rate = len(entries) / (perf_counter() - started)
    log.close()
    return rate


def plain(folder: str, group: int, entries: list[Entry]) -> float:
    """Entries a second appended to a file, one fsync a group."""
    with (Path(folder) / f"{group}.bin").open("ab", buffering=0) as file:
        started = perf_counter()
        for a in range(0, len(entries), group):
            file.write(b"".join(encode(entry) for entry in entries[a : a + group]))
            os.fsync(file.fileno())
        return len(entries) / (perf_counter() - started)


if __name__ == "__main__":
    main()
