"""The ledger over HTTP, as a stranger with no key uses it, checked by an independent library."""

import asyncio
from base64 import b64decode
from collections.abc import Iterator

import httpx
import pymerkle  # type: ignore[import-untyped]
import pytest
from starlette.applications import Starlette

from support.ledger_properties import SEED, Kept
from support.ledgers import ORIGIN, checkpoint_of, sample_ledger
from support.people import a_loop
from visavis.api.ledger import routes
from visavis.ledger.checkpoint import CheckpointSigner, Verifier
from visavis.ledger.log import Ledger
from visavis.ledger.merkle import leaf_hash, verify_consistency, verify_inclusion
from visavis.ledger.verify import exported_lines, verify
from visavis.runtime.writer import Writer


class Door:
    """The routes of a ledger, asked one at a time."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner
        self.writer = Writer(a_loop())
        ledger = Ledger(Kept(sample_ledger().lines), CheckpointSigner(ORIGIN, SEED), cadence_s=0)
        transport = httpx.ASGITransport(Starlette(routes=routes(self.writer, ledger)))
        self._client = httpx.AsyncClient(transport=transport, base_url="http://ledger.test")

    def get(self, path: str) -> httpx.Response:
        return self._runner.run(self._client.get(path))


@pytest.fixture
def door() -> Iterator[Door]:
    with asyncio.Runner() as runner:
        made = Door(runner)
        runner.run(_started(made))
        yield made
        runner.run(made.writer.stop())


async def _started(door: Door) -> None:
    door.writer.start()


def test_a_stranger_takes_the_whole_ledger_and_verifies_it(door: Door) -> None:
    assert door.get("/v1/ledger/leaves").content == b""  # nothing is shown before a checkpoint covers it
    checkpoint = Verifier(door.get("/v1/ledger/key").text).read(door.get("/v1/ledger/checkpoint").text)
    exported = door.get("/v1/ledger/leaves")

    assert exported.headers["content-type"] == "application/x-ndjson"
    assert "link" not in exported.headers
    assert exported_lines(exported.content) == list(sample_ledger().lines)
    assert verify(exported_lines(exported.content), [checkpoint]) == []
    assert exported_lines(door.get(f"/v1/ledger/leaves?after={checkpoint.size - 2}").content) == list(
        sample_ledger().lines[-2:]
    )
    assert door.get(f"/v1/ledger/leaves?after={checkpoint.size}").content == b""


def test_proofs_over_the_wire_hold_for_us_and_for_an_independent_library(door: Door) -> None:
    size = len(sample_ledger().lines)
    oracle = pymerkle.InmemoryTree(algorithm="sha256")
    for line in sample_ledger().lines:
        oracle.append_entry(line)
    for index in (0, 1, size // 2, size - 1):
        told = door.get(f"/v1/ledger/proof?seq={index}&size={size}").json()
        proof = [b64decode(one) for one in told["proof"]]
        root, hashed = b64decode(told["root"]), b64decode(told["leaf_hash"])
        verify_inclusion(index, size, hashed, proof, root)
        assert (hashed, root) == (leaf_hash(sample_ledger().lines[index]), checkpoint_of(sample_ledger().lines).root)
        theirs = oracle.prove_inclusion(index + 1)
        theirs.path[1:] = proof
        pymerkle.verify_inclusion(hashed, root, theirs, index=index + 1, size=size)
    for old in (1, 7, 64, size):
        told = door.get(f"/v1/ledger/proof?old={old}&size={size}").json()
        assert b64decode(told["old_root"]) == oracle.get_root(old)
        verify_consistency(
            old, size, [b64decode(one) for one in told["proof"]], b64decode(told["old_root"]), b64decode(told["root"])
        )


@pytest.mark.parametrize(
    "asked",
    [
        "proof",
        "proof?size=3",
        "proof?seq=1",
        "proof?seq=1&old=1&size=3",
        "proof?seq=3&size=3",
        "proof?seq=-1&size=3",
        "proof?seq=a&size=3",
        "proof?old=0&size=3",
        "proof?old=4&size=3",
        "proof?seq=0&size=99999",
        "proof?old=1&size=99999999999999999999",
        "proof?seq=%C2%B2&size=3",
        "proof?seq=0&size=0",
        "leaves?after=-1",
        "leaves?after=x",
        "leaves?after=",
    ],
)
def test_what_cannot_be_answered_is_told_as_a_problem(door: Door, asked: str) -> None:
    answer = door.get(f"/v1/ledger/{asked}")

    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["advice"]
