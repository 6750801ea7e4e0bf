"""Each property of the ledger against products that break it; every mutant must be caught."""

from collections.abc import Callable
from types import ModuleType

import pytest

from support import ledger_properties as properties
from support.sabotage import mutate
from visavis.ledger import checkpoint, merkle, record, verify
from visavis.ledger import log as ledger
from visavis.ledger import personal_view as uses

Property = Callable[[], list[str]]
HASHED = 'return sha256(b"\\x00" + leaf).digest()'
SEALED = "+ commitment(nonce + hidden)"
KNOWN = "nonce + owner_tag(audit_key, nonce)"
MUTANTS: dict[str, tuple[Property, ModuleType, str, str]] = {
    "purpose left out of the hashed line": (
        properties.unnoticed,
        merkle,
        HASHED,
        'return sha256(b"\\x00" + b",".join([x for i, x in enumerate(leaf.split(b",")) if i != 3])).digest()',
    ),
    "only the marks are hashed": (
        properties.unnoticed,
        merkle,
        HASHED,
        'return sha256(b"\\x00" + leaf[-90:]).digest()',
    ),
    "the root is not compared": (properties.unnoticed, verify, "!= one.root:", "is None:"),
    "a cut is not noticed": (
        properties.unnoticed,
        verify,
        "if one.size > len(lines):",
        "if one.size > len(lines):\n            break\n        if False:",
    ),
    "an honest ledger is blamed": (properties.unnoticed, verify, "if record.day < day:", "if record.day <= day:"),
    "no prefix before a line": (properties.unlike_the_oracle, merkle, HASHED, "return sha256(leaf).digest()"),
    "nodes without an order": (
        properties.unlike_the_oracle,
        merkle,
        'b"\\x01" + left + right',
        'b"\\x01" + min(left, right) + max(left, right)',
    ),
    "cut in the middle": (
        properties.unlike_the_oracle,
        merkle,
        "return 1 << ((size - 1).bit_length() - 1)",
        "return size // 2",
    ),
    "the odd one is dropped": (
        properties.unlike_the_oracle,
        merkle,
        "[*above, level[-1]] if len(level) % 2 else above",
        "above",
    ),
    "an inclusion is not compared": (properties.lies_believed, merkle, "if found != root:", "if False:"),
    "a long proof is shortened": (
        properties.lies_believed,
        merkle,
        "    if len(proof) != len(on_left):",
        "    proof = proof[:len(on_left)]\n    if len(proof) != len(on_left):",
    ),
    "the old root is not compared": (
        properties.lies_believed,
        merkle,
        "before != old_root or after != new_root",
        "after != new_root",
    ),
    "the new root is not compared": (
        properties.lies_believed,
        merkle,
        "before != old_root or after != new_root",
        "before != old_root",
    ),
    "nothing is joined to all": (
        properties.lies_believed,
        merkle,
        "    if not 0 < old < new:\n",
        "    if not old:\n        return\n    if old > new:\n",
    ),
    "a signature is not verified": (
        properties.forgeries_believed,
        checkpoint,
        "self._key.verify(data[KEY_ID_BYTES:], text.encode())",
        "pass",
    ),
    "a size with zeros before it": (properties.forgeries_believed, checkpoint, " or str(int(size)) != size", ""),
    "another ledger's checkpoint": (
        properties.forgeries_believed,
        checkpoint,
        "if origin != self.origin:",
        "if False:",
    ),
    "one line a moment": (properties.unaccounted, record, "if not line:", "if not line or found:"),
    "reads of the staff have none": (properties.unaccounted, record, "if not line:", 'if not line or "@" in actor:'),
    "sealed over nothing": (properties.unaccounted, record, SEALED, "+ commitment(nonce)"),
    "a plain hash of the name": (
        properties.guessed,
        record,
        KNOWN,
        "nonce + sha256(entry.customer.encode()).digest()[:16]",
    ),
    "a plain hash of the moment": (properties.guessed, record, SEALED, "+ sha256(moment.id.encode()).digest()"),
    "salted, without a key": (properties.guessed, record, SEALED, "+ sha256(nonce + entry.customer.encode()).digest()"),
    "the person's own name as their key": (
        properties.guessed,
        record,
        KNOWN,
        "nonce + owner_tag(entry.customer.encode(), nonce)",
    ),
    "the person named beside a choice": (
        properties.guessed,
        record,
        "public = _choice_records(day, moment, purposes, chooser(entry))",
        (
            "public = [one.replace(PERSON.encode(), entry.customer.encode())"
            " for one in _choice_records(day, moment, purposes, chooser(entry))]"
        ),
    ),
    "one nonce a person": (properties.linked, record, 'name = moment.encode("utf-8", "surrogatepass")', 'name = b""'),
    "one pseudonym a person": (properties.linked, record, KNOWN, "nonce + owner_tag(audit_key, b'')"),
    "purposes that nobody knows": (
        properties.made_up,
        record,
        (
            "_public(day, who, purpose, purposes[purpose].basis, categories, outcome, notice) if purpose in purposes"
            ' else b""'
        ),
        '_public(day, who, purpose, "consent", categories, outcome, notice)',
    ),
    "notices that nobody served": (
        properties.made_up,
        record,
        '"served", moment.notice if moment.categories else "")',
        '"served", moment.notice)',
    ),
    "a yes before its notice": (
        properties.misjudged,
        uses,
        'what = f"a yes to `{record.purpose}` before its notice was served"',
        'what = ""',
    ),
    "a yes to more than was told": (
        properties.misjudged,
        uses,
        "elif not categories <= served[record.purpose, record.notice]:",
        "elif False:",
    ),
    "a use without a yes": (
        properties.misjudged,
        uses,
        'what = f"a use for `{record.purpose}` without a yes that stands"',
        'what = ""',
    ),
    "a use of more than was named": (
        properties.misjudged,
        uses,
        "elif not categories <= named[record.purpose]:",
        "elif False:",
    ),
    "a no that closes nothing": (properties.misjudged, uses, "named.pop(record.purpose, None)", "pass"),
    "an objection that closes nothing": (
        properties.misjudged,
        uses,
        'case "objected" | "restricted":',
        'case "restricted":',
    ),
    "a restriction that closes nothing": (
        properties.misjudged,
        uses,
        "if record.purpose in closed or ALL in closed:",
        "if record.purpose in closed:",
    ),
    "one's own copy is blamed": (
        properties.misjudged,
        uses,
        'case "shown" | "silent" | "read" if record.purpose in',
        "case _ if record.purpose in",
    ),
    "the newest line is shown at once": (
        properties.shown_early,
        ledger,
        "min(after + limit, self._shown)",
        "after + limit",
    ),
    "no checkpoint is waited for": (
        properties.shown_early,
        ledger,
        "not 0 <= now_s - self._cut_at < self._cadence_s",
        "now_s > 0",
    ),
}


@pytest.mark.parametrize("name", list(MUTANTS))
def test_a_mutant_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    broken, module, old, new = MUTANTS[name]
    mutate(monkeypatch, module, old, new)

    assert broken(), name
