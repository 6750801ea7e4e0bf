"""Bodies that are not what an endpoint takes, and problem documents."""

from http import HTTPStatus
from typing import Any

import pytest

from support.doors import a_server, running
from visavis.api.rights import Move
from visavis.consent.choices import PurposeSwitch
from visavis.http.bodies import example
from visavis.http.problems import problem

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 429, 500, 503])
def test_the_title_of_a_problem_is_the_phrase_of_its_status(status: int) -> None:
    assert problem(status, "Why.").title == HTTPStatus(status).phrase


def test_an_example_of_a_body_has_the_fields_that_it_needs() -> None:
    assert (example(PurposeSwitch), example(Move)) == ('{"on":true}', '{"status":"…"}')


@pytest.mark.parametrize("body", [{}, {"on": "c4n4ry"}, {"on": 1}, {"on": True, "trial": "c4n4ry"}, {"on": None}])
async def test_a_wrong_body_is_answered_by_an_example_and_never_repeated(body: dict[str, Any]) -> None:
    server = a_server()
    async with running(server) as brand:
        answer = await brand.put("/v1/people/bo/purposes/reminders", json=body)

    assert (answer.status_code, answer.json()["advice"]) == (422, 'Send {"on":true}.')
    assert "c4n4ry" not in answer.text


@pytest.mark.parametrize(
    "body", [{}, {"moment": "m1"}, {"instead": {}}, {"family": ""}, {"family": "x" * 129}, {"moment": 1, "instead": {}}]
)
async def test_a_correction_says_what_is_wrong_and_what_is_right(body: dict[str, Any]) -> None:
    server = a_server()
    async with running(server) as brand:
        answer = await brand.post("/v1/people/bo/corrections", json=body)

    assert answer.status_code == 422, answer.text
