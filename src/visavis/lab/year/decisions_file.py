"""The decisions file: one row a visit, from which every figure can be recomputed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from visavis.lab.year.visit_record import Visit


def rows(visits: Sequence[Visit]) -> list[dict[str, Any]]:
    """The visits as flat rows: ``named`` is the model's prediction, ``counted`` and ``decayed`` are the peers'."""
    return [_row(visit) for visit in visits]


def write(visits: Sequence[Visit], path: Path) -> None:
    """Write the rows as Parquet."""
    pl.DataFrame(rows(visits), infer_schema_length=None).write_parquet(path, compression="zstd")


def _row(visit: Visit) -> dict[str, Any]:
    entrance, till, decision, till_decision = visit.entrance, visit.till, visit.at_entrance, visit.at_till
    return {
        "decision": decision.decision,
        "household": visit.household,
        "basket": visit.basket,
        "decided_at": visit.at,
        "development": visit.development,
        "eligible": visit.eligible,
        "action": decision.action or None,
        "family": decision.family or None,
        "product": decision.product or None,
        "silence": decision.silence or None,
        "p_response": decision.p_response if decision.action else None,
        "p_shown": decision.p_shown,
        "held_out": decision.held_out,
        "named": entrance.model.family if entrance else None,
        "named_product": entrance.model_product if entrance else None,
        "p_visit": entrance.model.confidence if entrance else None,
        "beyond": entrance.beyond.family if entrance else None,
        "beyond_p": entrance.beyond.confidence if entrance else None,
        "counted": entrance.counted.family if entrance else None,
        "counted_confidence": entrance.counted.confidence if entrance else None,
        "beyond_counted": entrance.beyond_counted.family if entrance else None,
        "beyond_counted_confidence": entrance.beyond_counted.confidence if entrance else None,
        "decayed": entrance.decayed if entrance else None,
        "beyond_decayed": entrance.beyond_decayed if entrance else None,
        "till_action": (till_decision.action or None) if till_decision else None,
        "till_family": (till_decision.family or None) if till_decision else None,
        "till_named": till.model.family if till else None,
        "p_forgotten": till.model.confidence if till else None,
        "till_counted": till.counted.family if till else None,
        "till_counted_confidence": till.counted.confidence if till else None,
        "till_decayed": till.decayed.family if till else None,
        "till_decayed_confidence": till.decayed.confidence if till else None,
    }
