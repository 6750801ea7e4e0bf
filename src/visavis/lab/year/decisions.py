"""One row a visit, for anyone who wants to recompute every figure."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from visavis.lab.year.visit import Visit


def rows(visits: Sequence[Visit]) -> list[dict[str, Any]]:
    """The visits as flat rows.

    ``named`` is what would have been named, ``counted`` and ``decayed`` what the baselines named.
    """
    return [_row(visit) for visit in visits]


def write(visits: Sequence[Visit], path: Path) -> None:
    """Write the rows as Parquet."""
    pl.DataFrame(rows(visits), infer_schema_length=None).write_parquet(path, compression="zstd")


def _row(visit: Visit) -> dict[str, Any]:
    door, till, said, paying = visit.door, visit.till, visit.entered, visit.paying
    return {
        "decision": said.decision,
        "household": visit.household,
        "basket": visit.basket,
        "decided_at": visit.at,
        "development": visit.development,
        "eligible": visit.eligible,
        "action": said.action or None,
        "family": said.family or None,
        "product": said.product or None,
        "silence": said.silence or None,
        "p_response": said.p_response if said.action else None,
        "p_shown": said.p_shown,
        "held_out": said.held_out,
        "named": door.named.family if door else None,
        "named_product": door.product if door else None,
        "p_visit": door.named.confidence if door else None,
        "beyond": door.beyond.family if door else None,
        "beyond_p": door.beyond.confidence if door else None,
        "counted": door.counted.family if door else None,
        "counted_confidence": door.counted.confidence if door else None,
        "beyond_counted": door.beyond_counted.family if door else None,
        "beyond_counted_confidence": door.beyond_counted.confidence if door else None,
        "decayed": door.decayed if door else None,
        "beyond_decayed": door.beyond_decayed if door else None,
        "till_action": (paying.action or None) if paying else None,
        "till_family": (paying.family or None) if paying else None,
        "till_named": till.named.family if till else None,
        "p_forgotten": till.named.confidence if till else None,
        "till_counted": till.counted.family if till else None,
        "till_counted_confidence": till.counted.confidence if till else None,
        "till_decayed": till.decayed.family if till else None,
        "till_decayed_confidence": till.decayed.confidence if till else None,
    }
