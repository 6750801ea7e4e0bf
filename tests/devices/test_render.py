"""For all words and screens: nothing overflows, no number is cut, no accent is lost that the screen could show."""

import re
import struct
from io import BytesIO
from itertools import pairwise
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from support.cards import ACCENTED, LANGUAGES, WORDS, the_brief, the_card
from visavis.cards.frame import BOLD, Frame, framed
from visavis.cards.layout import width_px
from visavis.cards.text import (
    NOTIFICATION_BODY_LIMIT,
    NOTIFICATION_TITLE_LIMIT,
    cells,
    notification,
    speech,
    text_screen,
)
from visavis.cards.transliterate import transliterated
from visavis.cards.typography import held, typeset
from visavis.cards.widths import REGULAR
from visavis.devices import render
from visavis.model.card import SPEECH_WORDS_LIMIT, Brief, BriefFact, Card
from visavis.model.catalogue import Charset, Device
from visavis.strategy.screens import DEVICES

numbers = re.compile(r"\d+(?:[.,\u00a0\u202f]\d+)*")
amounts = re.compile(r"\d+(?:[.,]\d+)*")
texts = st.lists(st.sampled_from(WORDS), max_size=7).map(lambda words: typeset(" ".join(words), "fr"))
languages = st.sampled_from(LANGUAGES)
NARROW: tuple[Charset, ...] = ("latin1", "ascii")
charsets: st.SearchStrategy[Charset] = st.sampled_from(("unicode", *NARROW))
cards = st.builds(
    Card,
    st.just("d1"),
    st.just("a"),
    languages,
    title=texts,
    body=texts,
    why=texts,
    speech=texts,
    yes=st.sampled_from(["", "Oui", "Faire connaissance"]),
    no=st.sampled_from(["", "Non", "Une autre fois"]),
)
facts = st.lists(st.builds(BriefFact, texts, st.just("observé")), max_size=3).map(tuple)
briefs = st.builds(
    Brief,
    st.just("d1"),
    st.just("a"),
    languages,
    who=texts,
    facts=facts,
    advice=texts,
    avoid=texts,
    why=texts,
    since=texts,
    yes=st.just("Fait"),
    no=st.just("Plus tard"),
)
screens = st.sampled_from([device for device in DEVICES.values() if device.width_px]) | st.builds(
    Device,
    st.just("any"),
    st.just("glasses"),
    width_px=st.integers(30, 900),
    lines=st.integers(1, 12),
    font_px=st.integers(8, 64),
    glance_units=st.just(1.0),
    height_px=st.integers(30, 900),
    padding_px=st.integers(0, 14),
)


def everything(told: Card | Brief) -> str:
    said = (
        [told.title, told.body, told.why]
        if isinstance(told, Card)
        else [told.who, *[fact.what for fact in told.facts], told.advice, told.avoid, told.since]
    )
    return held(" | ".join([*said, told.why, told.yes, told.no]))


@given(cards | briefs, screens, texts)
def test_nothing_reaches_beyond_the_screen_or_another_line(told: Card | Brief, screen: Device, kicker: str) -> None:
    frame = framed(told, screen, kicker=kicker)

    for one in frame.texts:
        assert one.x_px >= 0
        assert one.x_px + one.width_px <= frame.width_px
        assert one.y_px >= 0
        assert one.y_px + one.height_px <= frame.height_px
        room = one.width_px - (one.font_px if one.boxed else 0)
        assert width_px(one.text, one.font_px, bold=one.role in BOLD or one.boxed) <= room
    for above, below in pairwise([one for one in frame.texts if not one.boxed]):
        assert above.y_px + above.height_px <= below.y_px
    if buttons := [one for one in frame.texts if one.boxed]:
        words = [one for one in frame.texts if not one.boxed]
        assert max(one.y_px + one.height_px for one in words) <= min(one.y_px for one in buttons)
        assert [one.role for one in buttons] == ["yes", "no"]
        assert len({(one.width_px, one.height_px, one.font_px) for one in buttons}) == 1


@given(cards | briefs, screens, texts)
def test_no_word_number_or_accent_is_lost_from_what_is_shown(told: Card | Brief, screen: Device, kicker: str) -> None:
    said = everything(told) + " | " + held(kicker)
    known = set(numbers.findall(said))
    letters = set(normalize("NFC", said)) | {"…"}

    frame = framed(told, screen, kicker=kicker)

    blocks: dict[str, list[str]] = {}
    for one in frame.texts:
        assert set(one.text) <= letters
        blocks.setdefault(one.role, []).append(one.text)
    for role, lines in blocks.items():
        assert set(numbers.findall(" ".join(lines))) <= known
        if role in ("body", "why", "avoid", "advice", "kicker") and isinstance(told, Card):
            assert " ".join(lines).replace("- ", "-").replace(" ", "") in said.replace("- ", "-").replace(" ", "")


@given(cards, st.sampled_from([device for device in DEVICES.values() if device.width_px and device.width_px <= 320]))
def test_a_picture_is_exactly_its_screen_and_nothing_touches_its_edge(card: Card, screen: Device) -> None:
    frame = framed(card, screen)
    picture = Image.open(BytesIO(render.png(frame))).convert("L")

    assert picture.size == (screen.width_px, screen.height_px)
    inner = picture.copy()
    inner.paste(0, (1, 1, picture.width - 1, picture.height - 1))
    assert inner.getbbox() is None


@given(cards, st.integers(1, 60), st.integers(1, 9), charsets)
def test_a_wall_is_exactly_its_size_in_the_letters_of_its_device(
    card: Card, columns: int, rows: int, charset: Charset
) -> None:
    lines = text_screen(card, columns, rows, charset=charset)

    assert len(lines) == rows
    assert all(cells(line) == columns for line in lines)
    if charset != "unicode":
        "".join(lines).encode(charset)
    known = {
        number for text in (card.title, card.body) for number in amounts.findall(transliterated(held(text), charset))
    }
    assert {number for line in lines for number in amounts.findall(line)} <= known
    assert not any(line.strip().startswith("000") for line in lines), "12 000 stays on one line"


@given(briefs, st.integers(1, 60), st.integers(1, 9))
def test_a_brief_on_a_wall_is_exactly_its_size_too(brief: Brief, columns: int, rows: int) -> None:
    lines = text_screen(brief, columns, rows)

    assert len(lines) == rows
    assert all(cells(line) == columns for line in lines)


@given(texts)
def test_letters_are_spelled_once_and_only_what_the_device_lacks_changes(text: str) -> None:
    assert transliterated(text, "unicode") == normalize("NFC", text)
    for charset in NARROW:
        found = transliterated(text, charset)
        found.encode(charset)
        assert transliterated(found, charset) == found
    kept = [glyph for glyph in text if glyph.isalpha() and ord(glyph) < 0x100]
    assert [glyph for glyph in transliterated(text, "latin1") if glyph in kept and ord(glyph) > 0x7F] == [
        glyph for glyph in kept if ord(glyph) > 0x7F
    ]


@given(cards | briefs)
def test_a_notification_is_within_what_is_mirrored_and_cuts_no_number(told: Card | Brief) -> None:
    title, body = notification(told)

    assert len(title) <= NOTIFICATION_TITLE_LIMIT
    assert len(body) <= NOTIFICATION_BODY_LIMIT
    assert {number for part in (title, body) for number in numbers.findall(part)} <= set(
        numbers.findall(everything(told))
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_brief_is_said_in_few_words(language: str) -> None:
    told = speech(the_brief(language))

    assert told.startswith("Solène")
    assert len(told.split()) <= SPEECH_WORDS_LIMIT


def test_a_mono_device_gets_words_that_it_can_draw() -> None:
    lines = [line.rstrip() for line in text_screen(ACCENTED, 32, 8, align="left", charset="ascii")]

    assert lines[0] == "Creme fraiche a 1,95 EUR"
    assert " ".join(lines[2:4]) == '12 oeufs "bio" - a 3,49 EUR au lieu de 4,10 EUR ?'


def test_a_picture_draws_every_accent() -> None:
    for glyph in "éèêëàâçîïôœŒùûüÿÉÀÇ’“”–—…°€«»":
        assert render.drawable(glyph) == glyph
        bare = normalize("NFD", glyph)[0]
        assert glyph == bare or image(glyph) != image(bare), glyph
        assert image(glyph) != image("\ue123"), f"{glyph} is drawn as a box"


def image(glyph: str) -> bytes:
    return bytes(render._font(40, bold=False).getmask(glyph))


def test_what_our_font_cannot_draw_is_told_in_latin() -> None:
    assert render.drawable("Łódź → 牛乳") == "Łódź -> ??"
    assert all(render.drawable(glyph) for glyph in REGULAR)


def test_sixteen_greys_are_four_bits_a_pixel() -> None:
    picture = render.grey16(framed(the_card("fr"), DEVICES["even-g2"]))

    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    assert picture[24] == 4
    opened = Image.open(BytesIO(picture)).convert("L")
    assert opened.size == (576, 288)
    assert {level for _, level in opened.getcolors() or []} <= {17 * level for level in range(16)}


def test_one_bit_is_a_bitmap_from_the_bottom_up_in_rows_of_four_bytes() -> None:
    frame = framed(the_card("fr"), DEVICES["even-g1"])
    bitmap = render.bmp1(frame)

    (offset,), (width, height), (bits,) = (
        struct.unpack_from("<I", bitmap, 10),
        struct.unpack_from("<ii", bitmap, 18),
        struct.unpack_from("<H", bitmap, 28),
    )
    assert (bitmap[:2], width, height, bits) == (b"BM", 576, 136, 1)
    stride = (576 + 31) // 32 * 4
    assert len(bitmap) == offset + stride * 136
    assert bitmap[offset : offset + stride * 5] == bytes(stride * 5), (
        "the margin at the bottom comes first, and is dark"
    )


def test_a_page_of_exact_pixels_holds_no_markup_of_the_words() -> None:
    page = render.page(framed(Card("d1", "a", "fr", "<b>Lait</b> & 1\u00a0L", "", "", ""), DEVICES["laster"]))

    assert "&lt;b&gt;Lait&lt;/b&gt; &amp; 1\u00a0L" in page
    assert "width:640px;height:480px" in page
    assert "http" not in page
    assert "style=" not in page


def test_a_screen_that_holds_no_title_stays_dark() -> None:
    frame = framed(ACCENTED, Device("tiny", "watch", 20, 1, 18, 0.7, height_px=20))

    assert frame == Frame(20, 20, "fr")
    assert Image.open(BytesIO(render.png(frame))).convert("L").getbbox() is None
