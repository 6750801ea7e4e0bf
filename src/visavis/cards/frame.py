"""The position in pixels of every line of a card or brief on one screen; pages and pictures are drawn from it."""
# By rank: the title, the answers, the body, the source, the reason. Only a title is shortened; the rest is left out.

from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from visavis.cards.layout import BODY_SCALE, fit, headed, room_px, width_px
from visavis.model.card import Brief, Card
from visavis.model.catalogue import Device

Role = Literal["kicker", "title", "body", "why", "avoid", "advice", "yes", "no"]
LINE: Final = 1.25
"""The height of a line of text, in font sizes."""
GAP: Final = 0.25
"""The space between two blocks, in the screen's font size."""
SMALL: Final = 0.6
SMALLEST_PX: Final = 11
BUTTON: Final = 1.6
"""The height of an answer, in font sizes; its text keeps half a font size free on each side."""
ANSWERS: Final[tuple[Role, Role]] = ("yes", "no")
BOLD: Final = frozenset({"title", "advice", "yes"})


class PlacedText(Struct, frozen=True):
    """One line of text, or an answer in the middle of its box; (``x_px``, ``y_px``) is the top left corner."""

    role: Role
    text: str
    x_px: int
    y_px: int
    width_px: int
    height_px: int
    font_px: int

    @property
    def boxed(self) -> bool:
        """Whether this is one of the two answers."""
        return self.role in ("yes", "no")


class Frame(Struct, frozen=True):
    """The texts of one screen: none overlaps another or leaves the screen. None when not even the title fits."""

    width_px: int
    height_px: int
    language: str
    texts: tuple[PlacedText, ...] = ()


class Block(Struct, frozen=True):
    """A text to place, and its rank: the lowest is placed first."""

    role: Role
    text: str
    rank: int
    font_px: int


def framed(content: Card | Brief, device: Device, *, kicker: str = "") -> Frame:
    """The frame of a card or brief on this screen; ``kicker`` is the line above the title (a place's name)."""
    small = max(SMALLEST_PX, round(device.font_px * SMALL))
    body = max(SMALLEST_PX, round(device.font_px * BODY_SCALE))
    if isinstance(content, Card):
        blocks = [
            Block("kicker", kicker, 3, small),
            Block("title", content.title, 0, device.font_px),
            Block("body", content.body, 2, body),
            Block("why", content.why, 4, small),
        ]
    else:
        facts = [Block("body", fact.what, 3 + rank, body) for rank, fact in enumerate(content.facts)]
        blocks = [
            Block("kicker", content.since or kicker, 9, small),
            Block("title", content.who, 0, device.font_px),
            *facts,
            Block("avoid", content.avoid, 2, body),
            Block("advice", content.advice, 1, body),
            Block("why", content.why, 8, small),
        ]
    return _stacked([block for block in blocks if block.text], (content.yes, content.no), device, content.language)


def _stacked(blocks: list[Block], answers: tuple[str, str], device: Device, language: str) -> Frame:
    """Reserve room for each block by rank, the answers after what they answer, then place them from top to bottom."""
    frame = Frame(device.width_px, height_px(device), language)
    width = int(room_px(device))
    left = (device.width_px - width) // 2
    margin, gap = device.padding_px or left, round(device.font_px * GAP)
    room = frame.height_px - 2 * margin
    answered = max([block.rank for block in blocks if block.role in ("title", "advice")], default=0)
    placed: dict[int, tuple[tuple[str, ...], int]] = {}
    buttons: list[PlacedText] = []
    for index, block in sorted(enumerate(blocks), key=lambda pair: pair[1].rank):
        found = _fitted(block, width, min(device.lines, (room - gap) // round(block.font_px * LINE)))
        if found is not None:
            placed[index] = found
            room -= len(found[0]) * round(found[1] * LINE) + gap
        if block.rank == answered and index in placed and all(answers):
            buttons = _answers(answers, device, width, left, room)
            room -= _bottom(buttons)
    if not any(blocks[index].role == "title" for index in placed):
        return frame
    placed_texts, y = [], margin
    for index in sorted(placed):
        lines, font_px = placed[index]
        for line in lines:
            placed_texts.append(PlacedText(blocks[index].role, line, left, y, width, round(font_px * LINE), font_px))
            y += round(font_px * LINE)
        y += gap
    # The answers are always at the bottom of the screen.
    bottom = frame.height_px - margin - _bottom(buttons)
    lowered = [replace(button, y_px=button.y_px + bottom) for button in buttons]
    return replace(frame, texts=(*placed_texts, *lowered))


def _fitted(block: Block, width: int, lines: int) -> tuple[tuple[str, ...], int] | None:
    if block.role == "title":
        return headed(block.text, width=width, font_px=block.font_px, lines=lines)
    found = fit(block.text, width=width, font_px=block.font_px, lines=lines, bold=block.role in BOLD)
    return (found, block.font_px) if found else None


def height_px(device: Device) -> int:
    """The screen's height; when it is not stated, what its lines need."""
    return device.height_px or round((device.lines + 2) * device.font_px * LINE)


def _bottom(placed_texts: list[PlacedText]) -> int:
    return max([one.y_px + one.height_px for one in placed_texts], default=0)


def _answers(answers: tuple[str, str], device: Device, width: int, left: int, room: int) -> list[PlacedText]:
    """Both answers in boxes of one size, side by side or one above the other, in smaller letters if needed; or none."""
    sizes = sorted({max(SMALLEST_PX, round(device.font_px * scale)) for scale in (0.7, SMALL, 0.5)}, reverse=True)
    ways = [(size, beside) for size in sizes for beside in (True, False)]
    if device.width_px > device.height_px:
        # On a wide screen smaller letters come before a second row.
        ways.sort(key=lambda way: not way[1])
    for font_px, beside in ways:
        high, gap = round(font_px * BUTTON), round(font_px * 0.5)
        wide, rows = ((width - gap) // 2, 1) if beside else (width, 2)
        if (
            max(width_px(text, font_px, bold=True) for text in answers) + font_px <= wide
            and rows * high + (rows - 1) * gap <= room
        ):
            step_x, step_y = (wide + gap, 0) if beside else (0, high + gap)
            return [
                PlacedText(role, text, left + i * step_x, i * step_y, wide, high, font_px)
                for i, (role, text) in enumerate(zip(ANSWERS, answers, strict=True))
            ]
    return []
