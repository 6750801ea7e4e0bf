"""A card as a wall of characters: for a terminal, and for glasses that show only text."""

from textwrap import wrap

from visavis.model.card import Card


def wall(card: Card, columns: int, rows: int) -> list[str]:
    """Exactly ``rows`` lines of ``columns`` characters: the title, the body when there is room, and the two answers on the last line.

    Words are never broken unless one alone is wider than the wall.
    """
    answers = "  ".join(part for part in (f"[{card.yes}]" if card.yes else "", f"({card.no})" if card.no else "") if part)
    title = wrap(card.title, columns, break_on_hyphens=False)
    body = wrap(card.body, columns, break_on_hyphens=False)
    lines = list(title)
    if body and len(title) + 1 + len(body) + (2 if answers else 0) <= rows:
        lines += ["", *body]
    if answers and len(answers) <= columns and len(lines) < rows:
        lines += [""] * (rows - len(lines) - 1) + [answers]
    lines = lines[:rows] + [""] * (rows - len(lines))
    return [line.center(columns)[:columns] for line in lines]
