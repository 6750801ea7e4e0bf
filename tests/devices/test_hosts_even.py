"""The page in Even's own simulator of the G2: lit lines, and what a touch, a ring and a hand do."""

from collections.abc import Iterator
from functools import partial

import pytest
from PIL import Image

from support.devices import even_simulator
from support.devices.even_simulator import PITCH_PX, Glasses, a_simulator
from support.devices.hosting import Elsewhere, Hosting, a_hosting, soon
from support.people import STRATEGY
from support.required import require_peer
from visavis.cards.compose import compose
from visavis.devices.hosts.page import carried
from visavis.devices.text_screen import WIDTHS_PX, even_g2_px, lines
from visavis.strategy.screens import DEVICES

require_peer(not even_simulator.missing(), even_simulator.missing())

G2 = DEVICES["even-g2"]
MEASURE = """<!doctype html><meta charset="utf-8"><script>
const call = (method, data) => flutter_inappwebview.callHandler(
  'evenAppMessage', JSON.stringify({type: 'call_even_app_method', method, data}));
const box = {containerID: 1, containerName: 'card'}, pages = PAGES; let next;
window._listenEvenAppMessage = () => next && next();
(async () => { while (!(window.flutter_inappwebview || {}).callHandler) await new Promise(r => setTimeout(r, 50));
  await call('createStartUpPageContainer', {containerTotalNum: 1,
    textObject: [{...box, xPosition: 0, yPosition: 0, width: 576, height: 288, isEventCapture: 1, content: ' '}]});
  for (let i = 0; i < pages.length; i++) { await call('textContainerUpgrade', {...box, content: pages[i],
    contentOffset: 0, contentLength: 0});
    const clicked = new Promise(r => next = r); console.log('PAGE ' + i + '.'); await clicked } })();
</script>"""


@pytest.fixture(scope="module")
def hosting() -> Iterator[Hosting]:
    with a_hosting() as found:
        yield found


@pytest.fixture(scope="module")
def wearer(hosting: Hosting) -> str:
    return hosting.somebody()


@pytest.fixture(scope="module")
def glasses(hosting: Hosting, wearer: str) -> Iterator[Glasses]:
    """The packed page, at an address of its own, with the key of this person's G2."""
    key = hosting.paired(wearer, "even-g2")
    hosting.elsewhere.html = carried(
        "even", "fr", root=hosting.site.url, profile="even-g2", package="com.example.visavis", voice=False
    )
    with a_simulator(f"{hosting.elsewhere.url}/index.html#key={key}") as found:
        yield found
        assert found.errors() == []


@pytest.mark.parametrize(("action", "answer"), [("click", "yes"), ("down", "no")])
def test_a_card_is_on_the_glasses_line_by_line_and_a_hand_answers(
    hosting: Hosting, glasses: Glasses, wearer: str, action: str, answer: str
) -> None:
    before = len(hosting.answers(wearer))
    assert soon(lambda: glasses.rows() == []), "silence is dark"
    hosting.site.leaves(wearer)
    hosting.site.passes(86_400 * 2)
    shown = hosting.card(wearer)

    said = lines(compose(STRATEGY, shown, "fr", place="s1"), G2)
    soon(lambda: shown.id in hosting.displayed(wearer))
    assert soon(lambda: glasses.rows() == [row for row, line in enumerate(said) if line])
    image = glasses.lit()
    for row, line in enumerate(said):
        drawn = image.crop((0, row * PITCH_PX, 576, (row + 1) * PITCH_PX)).getbbox()
        if drawn is not None:
            # Our own widths are rounded up, letter by letter.
            assert even_g2_px(line) - len(line) - 3 <= drawn[2] <= even_g2_px(line) + 1
    glasses.does("up")
    assert len(hosting.answers(wearer)) == before
    glasses.does(action)

    soon(lambda: hosting.answers(wearer)[before:] == [answer])
    assert soon(lambda: glasses.rows() == [])


def test_a_card_leaves_the_glasses_when_its_purpose_is_closed(hosting: Hosting, glasses: Glasses, wearer: str) -> None:
    hosting.site.leaves(wearer)
    hosting.site.passes(86_400 * 2)
    shown = hosting.card(wearer)
    soon(glasses.rows)

    hosting.site.answers(wearer, shown.id)

    assert soon(lambda: glasses.rows() == [])


def test_the_page_of_the_server_itself_runs_there_too(hosting: Hosting) -> None:
    name = hosting.somebody()
    with a_simulator(f"{hosting.site.url}/glasses?host=even#key={hosting.paired(name, 'even-g2')}") as glasses:
        shown = hosting.card(name)
        soon(lambda: hosting.displayed(name) == [shown.id])
        glasses.does("click")

        soon(lambda: hosting.answers(name) == ["yes"])


def test_every_letter_is_as_wide_as_the_table_says() -> None:
    glyphs = [glyph for glyph in WIDTHS_PX if glyph not in " \u00a0"]
    pages = [
        "\n".join([f"|{glyph * 20}|" for glyph in glyphs[start : start + 10]]) for start in range(0, len(glyphs), 10)
    ]
    elsewhere = Elsewhere()
    elsewhere.html = MEASURE.replace(
        "PAGES", str([page.encode("unicode_escape").decode() for page in pages]).replace("\\\\", "\\")
    )
    wrong = {}
    with a_simulator(f"{elsewhere.url}/index.html") as glasses:
        for number, page in enumerate(pages):
            soon(partial(_logged, glasses, f"PAGE {number}."))
            image = soon(partial(_settled, glasses, len(page.split("\n"))))
            for row, line in enumerate(page.split("\n")):
                # Two bars end 5 px from the left.
                width = (image.crop((0, row * PITCH_PX, 560, (row + 1) * PITCH_PX)).getbbox()[2] - 5) / 20
                if not WIDTHS_PX[line[1]] - 1 < width <= WIDTHS_PX[line[1]] + 0.06:
                    wrong[line[1]] = width
            glasses.does("click")
    elsewhere.close()

    assert wrong == {}


def _logged(glasses: Glasses, line: str) -> bool:
    return line in glasses.log()


def _settled(glasses: Glasses, rows: int) -> Image.Image | None:
    """What is lit, when two looks in a row see the same and every line is there."""
    first, second = glasses.lit(), glasses.lit()
    return second if first.tobytes() == second.tobytes() and len(glasses.rows()) >= rows else None
