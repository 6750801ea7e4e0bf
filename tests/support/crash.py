"""Kill a writer at random: nothing acknowledged is lost or doubled (``python tests/support/crash.py --kills 500``)."""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from visavis.model.entry import Entry
from visavis.testing import a_log, an_entry


def write_for_ever(path: Path) -> None:
    """Commit groups of entries, and print each position once it is durable."""
    log = a_log(path)
    position = len(log)
    while True:
        group = [
            an_entry(f"c{(position + i) % 7}", f"m{position + i}", lines=(position + i) % 4)
            for i in range(1 + position % 5)
        ]
        log.commit(group)
        position += len(group)
        os.write(1, f"{position}\n".encode())


def kill_and_look(folder: Path, kills: int, seed: int) -> int:
    """Kill the writer ``kills`` times on the same log; return how many entries it holds in the end."""
    path, dice, acknowledged = folder / "data", random.Random(seed), 0
    for _ in range(kills):
        writer = subprocess.Popen([sys.executable, __file__, "--write", str(path)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        first = writer.stdout.readline()
        time.sleep(dice.random() * 0.15)
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read()
        writer.wait()
        writer.stdout.close()
        told = [int(line) for line in (first + rest).split(b"\n")[:-1]]
        acknowledged = max([acknowledged, *told])
        log = a_log(path)
        moments = [entry.moment.id for _, entry in log.scan() if isinstance(entry, Entry)]
        assert len(moments) >= acknowledged, "an acknowledged entry is lost"
        assert moments == [f"m{i}" for i in range(len(moments))], "an entry is missing, doubled or out of order"
        acknowledged = len(moments)
        log.close()
    return acknowledged


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--kills", type=int, default=500)
    asked = parser.parse_args()
    if asked.write:
        write_for_ever(asked.write)
    with tempfile.TemporaryDirectory() as folder:
        print(f"{asked.kills} kills, {kill_and_look(Path(folder), asked.kills, 0)} entries, none lost, none doubled")  # noqa: T201
