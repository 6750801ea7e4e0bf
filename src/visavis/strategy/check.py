"""The whole of `visavis lint`: what :func:`~visavis.strategy.read.read` refuses, the stories, and warnings."""

from collections.abc import Iterable, Mapping
from datetime import date

from visavis.strategy import story_check, warnings
from visavis.strategy.faults import Finding, Reading
from visavis.strategy.read import Strategy, assemble


def check(
    files: Mapping[str, bytes], *, today: date, others: Iterable[str] = ()
) -> tuple[Strategy | None, list[Finding]]:
    """The strategy of these files (``None`` when it has an error), and everything found, errors and warnings.

    ``others`` are the files that lie beside them and that nothing reads.
    """
    reading = Reading(files)
    strategy = assemble(reading, live=True)
    story_check.check(reading, strategy)
    for path in others:
        reading.warn(path, 1, "nothing reads this file", "Keep it elsewhere: it is no part of the strategy.")
    if strategy is not None:
        warnings.check(reading, strategy, today)
    return strategy, reading.findings()
