"""Whatever the words and the screen: no line too wide, no line too many, no number that was not there."""

import re
from typing import Any
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.cards import WORDS
from visavis.cards import line_breaks
from visavis.cards.frame import framed
from visavis.cards.layout import fit, headed, room_px, shortened, width_px
from visavis.cards.text import cells, speech, text_screen
from visavis.cards.typography import GRAPHEMES, clipped, count_words, held, typeset
from visavis.cards.widths import BOLD, REGULAR
from visavis.model.card import SPEECH_WORDS_LIMIT, Card
from visavis.model.catalogue import Device
from visavis.strategy.screens import DEVICES

SAMPLE = "Crème fraîche épaisse à 1,95 € — œufs « bio »"

numbers = re.compile(r"\d+(?:[.,\u00a0\u202f]\d+)*")
texts = st.lists(st.sampled_from(WORDS) | st.text(max_size=8), max_size=10).map(" ".join)
languages = st.sampled_from(["fr", "en"])
screens = st.builds(
    Device,
    st.just("any"),
    st.just("glasses"),
    width_px=st.integers(40, 900),
    lines=st.integers(1, 8),
    font_px=st.integers(8, 64),
    glance_units=st.just(1.0),
)
rooms = st.integers(1, 60)


def a_card(title: str, body: str = "", language: str = "fr") -> Card:
    return Card("d1", "a", language, title, body, "Parce que.", title, "Je note", "Pas besoin")


@given(texts, st.integers(20, 700), st.integers(8, 48), st.integers(1, 5), st.booleans())
def test_what_is_shortened_fits_and_keeps_every_number(
    text: str, width: int, font_px: int, lines: int, bold: bool
) -> None:
    found = shortened(text, width=width, font_px=font_px, lines=lines, bold=bold)

    if found is not None:
        assert len(found) <= lines
        assert all(width_px(line, font_px, bold=bold) <= width for line in found)
        assert numbers.findall(" ".join(found)) == numbers.findall(held(text))
        if max([width_px(word, font_px, bold=bold) for word in held(text).split(" ")], default=0) <= width:
            assert shortened(" ".join(found), width=width, font_px=font_px, lines=lines, bold=bold) == found
    else:
        assert fit(text, width=width, font_px=font_px, lines=lines, bold=bold) is None


@given(texts, rooms, st.integers(1, 6))
def test_what_fits_whole_is_whole(text: str, room: int, lines: int) -> None:
    found = line_breaks.wrapped(text, room, lines, len)

    if found is not None:
        assert "".join(found).replace(" ", "") == held(text).replace(" ", "")
        assert line_breaks.shortened(text, room, lines, len) == found
        assert line_breaks.wrapped(text, room + 1, lines, len) is not None


@given(texts, rooms, st.integers(1, 6))
def test_no_line_begins_with_what_french_holds_to_the_word_before(text: str, room: int, lines: int) -> None:
    for line in (line_breaks.shortened(text, room, lines, len) or ())[1:]:
        assert line[0] not in "?!;:»%€"


@given(texts, languages, screens)
def test_a_title_never_leaves_its_screen(title: str, language: str, screen: Device) -> None:
    room: Any = {"width": room_px(screen), "font_px": screen.font_px, "lines": screen.lines}

    found = headed(typeset(title, language), **room)

    if found is not None:
        assert len(found[0]) <= screen.lines
        assert all(width_px(line, found[1], bold=True) <= room_px(screen) for line in found[0])
        words = held(typeset(title, language)).split(" ")
        if max([width_px(word, found[1], bold=True) for word in words], default=0) <= room_px(screen):
            assert headed(" ".join(found[0]), **room) == found


@given(texts, texts, st.integers(1, 60), st.integers(1, 9), st.booleans())
def test_a_wall_is_exactly_its_size(title: str, body: str, columns: int, rows: int, left: bool) -> None:
    lines = text_screen(a_card(title, body), columns, rows, align="left" if left else "center")

    assert len(lines) == rows
    assert all(cells(line) == columns for line in lines)
    assert set(numbers.findall("|".join(lines))) <= set(numbers.findall(held(title)) + numbers.findall(held(body)))


@given(texts, languages)
def test_typography_is_done_once(text: str, language: str) -> None:
    assert typeset(typeset(text, language), language) == typeset(text, language)
    assert held(held(text)) == held(text)


@given(texts, st.integers(0, 40), st.integers(1, 9))
def test_a_clipped_name_is_short_and_cuts_no_number(text: str, characters: int, words: int) -> None:
    name = held(text)

    short = clipped(name, characters, words)

    assert len(short) <= characters
    assert count_words(short) <= words
    assert numbers.findall(short) == numbers.findall(name)[: len(numbers.findall(short))]


def test_a_number_at_the_end_outlives_the_words_before_it() -> None:
    assert line_breaks.shortened("Lait demi-écrémé de la montagne 1 L", 20, 1, len) == ("Lait… 1\u00a0L",)
    assert line_breaks.shortened("Lait demi-écrémé de la montagne", 25, 1, len) == ("Lait demi-écrémé…",)
    assert line_breaks.shortened("Lait 1 L", 5, 1, len) is None


def test_a_small_screen_drops_the_body_first() -> None:
    card = a_card("Lait\u00a0: oublié\u202f?", "Cela éviterait de revenir.")

    def on(height_px: int) -> list[str]:
        frame = framed(card, Device("d", "glasses", 640, 4, 40, 1.6, height_px=height_px))
        return [one.role for one in frame.texts if not one.boxed]

    assert on(120) == ["title"]
    assert on(260) == ["title", "body", "why"]


def test_smaller_letters_come_before_fewer_words() -> None:
    found = headed("Lait\u00a0: il n’y en a plus", width=92, font_px=18, lines=2)

    assert found is not None
    assert found[0] == ("Lait\u00a0: il n’y", "en a plus")
    assert found[1] < 18


def test_a_screen_too_small_for_the_title_shows_nothing() -> None:
    assert framed(a_card("Anticonstitutionnellement 12", "corps"), Device("d", "watch", 60, 2, 32, 0.7)).texts == ()


def test_a_word_wider_than_the_screen_breaks_after_its_own_hyphen() -> None:
    assert line_breaks.wrapped("un après-shampooing", 12, 3, len) == ("un après-", "shampooing")
    assert line_breaks.wrapped("un après-shampooing", 16, 3, len) == ("un", "après-shampooing")
    assert line_breaks.wrapped("le 10-12", 4, 3, len) is None


names = st.sampled_from(
    [
        "Schokoladenhaselnussaufstrich",
        "低脂肪乳成分無調整牛乳パック",
        "นมสดพาสเจอร์ไรส์รสจืดไขมันต่ำ",
        "👨\u200d👩\u200d👧\u200d👦" * 3,
        "e\u0301" * 20,
        "حليب كامل الدسم طازج",
        "12 oeufs" * 4,
    ]
)


@given(
    names | texts,
    st.sampled_from(["{} ?", "{}\u00a0: on vous en remet 2 à 3,49 € ?"]),
    screens,
    st.integers(5, 40),
    st.integers(1, 8),
)
def test_no_answer_stands_on_a_screen_without_its_question(
    name: str, title: str, screen: Device, columns: int, rows: int
) -> None:
    card = a_card(typeset(title.format(name), "fr"))
    frame = framed(card, screen)
    lines = [line.strip() for line in text_screen(card, columns, rows)]

    answers = {"[Je note]", "(Pas besoin)", "[Je note]  (Pas besoin)"}
    asked = [line for line in lines if line and line not in answers]
    assert asked or not any(lines)
    assert not frame.texts or any(one.role == "title" for one in frame.texts)
    said = "".join([*asked, *[one.text for one in frame.texts if one.role == "title"]])
    whole = set(GRAPHEMES.findall(normalize("NFC", card.title))) | {"-", "…", " "}
    assert set(GRAPHEMES.findall(normalize("NFC", said))) <= whole, "no letter is parted from its marks"


@pytest.mark.parametrize("name", ["Schokoladenhaselnussaufstrich", "低脂肪乳成分無調整牛乳パック", "นมสดพาสเจอร์ไรส์"])
def test_a_word_wider_than_the_screen_is_broken_or_cut_and_never_left_out(name: str) -> None:
    for screen in DEVICES.values():
        if screen.font_px and screen.width_px >= 128:
            titles = [one.text for one in framed(a_card(f"{name} ?"), screen).texts if one.role == "title"]
            assert "".join(titles)[:3] == name[:3], screen.profile


def test_controls_and_marks_of_direction_are_left_out_and_joiners_stay() -> None:
    assert typeset("lait\x00\u202e\u2066 frais\u2028", "fr") == "Lait frais"
    assert typeset("می\u200cخواهم 👩\u200d🚀", "en") == "می\u200cخواهم 👩\u200d🚀"


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("name", ["iPhone", "P!nk", "eBay", "Ben&Jerry's".replace("'", "’"), "Yahoo!Mail", "A:B"])
def test_typography_leaves_names_alone(name: str, language: str) -> None:
    assert typeset(name, language) == name
    assert typeset(f"avec {name} aussi", language) == f"Avec {name} aussi"


def test_lines_are_even_and_both_answers_are_there() -> None:
    card = Card("d1", "a", "fr", "Bienvenue\u202f!", "", "", "", "Faire connaissance", "Une autre fois")

    assert line_breaks.wrapped("Pain chaud à 17 h, pour tous", 25, 3, len) == ("Pain chaud à", "17\u00a0h, pour tous")
    assert text_screen(card, 40, 3)[-1].strip() == "[Faire connaissance]  (Une autre fois)"
    assert [line.strip() for line in text_screen(card, 24, 4)[-2:]] == ["[Faire connaissance]", "(Une autre fois)"]


def test_every_letter_of_french_has_a_width() -> None:
    assert set(SAMPLE + "ÀÂÇÉÈÊËÎÏÔŒÙÛÜŸàâçéèêëîïôœùûüÿ’“”–…°\u00a0\u202f") <= set(REGULAR)
    assert REGULAR.keys() == BOLD.keys()
    assert width_px(SAMPLE, 32) < width_px(SAMPLE, 32, bold=True)


@pytest.mark.parametrize(
    ("typed", "set_"),
    [
        ("œufs x12 ?", "Œufs x12\u202f?"),
        ("quoi ?! vraiment !", "Quoi\u202f?! vraiment\u202f!"),
        ("lait : 1,95 € le litre ; « bio »", "Lait\u00a0: 1,95\u00a0€ le litre\u202f; «\u00a0bio\u00a0»"),
        ("à 62 % d'ici 17 h", "À 62\u202f% d’ici 17\u00a0h"),
        ("ouvert à 17:30...", "Ouvert à 17:30…"),
    ],
)
def test_french_is_set_as_a_printer_would(typed: str, set_: str) -> None:
    assert typeset(typed, "fr") == set_


def test_speech_asks_for_one_of_two_answers() -> None:
    card = a_card("Lait\u202f?")

    assert speech(card) == "Lait\u202f? Je note, ou pas besoin\u202f?"
    assert len(speech(card).split()) <= SPEECH_WORDS_LIMIT
