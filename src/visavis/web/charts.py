"""Small SVG charts for the console; they stand beside figures in text, so screen readers do not read them."""

from typing import Final

from markupsafe import Markup

WIDTH: Final = 120
ZERO: Final = 40  # where the vertical line stands: silence for an arm's margin, no effect for an uplift
HEIGHT: Final = 44


def margin(net: float, scale: float, *, chosen: bool) -> Markup:
    """One arm as a bar on either side of silence, which is the line; the largest margin of the drawing is ``scale``.

    >>> margin(3.0, 3.0, chosen=True).count('width="80.0"'), margin(-1.0, 2.0, chosen=False).count('x="20.0"')
    (1, 1)
    """
    length = abs(net) / (scale or 1.0) * (WIDTH - ZERO if net > 0 else ZERO)
    x = ZERO if net > 0 else ZERO - length
    kind = "ahead" if chosen else "other"
    return _svg(f'<rect class="{kind}" x="{x:.1f}" y="15" width="{length:.1f}" height="14" rx="2"/>')


def silence(*, chosen: bool) -> Markup:
    """Silence itself: a point on its line, full when it was chosen."""
    return _svg(f'<circle class="{"ahead" if chosen else "other"}" cx="{ZERO}" cy="{HEIGHT / 2:g}" r="6"/>')


def interval(low: float, point: float, high: float) -> Markup:
    """An effect with the interval that holds it, around no effect; drawn no wider than it has room for.

    >>> interval(-1.0, 1.0, 3.0).count("<line")
    2
    """
    reach = max(abs(low), abs(high)) or 1.0
    middle, half = WIDTH / 2, WIDTH / 2 - 6
    a, p, b = [middle + half * one / reach for one in (low, point, high)]
    clear = "ahead" if low > 0 or high < 0 else "other"
    span = f'<line class="span" x1="{a:.1f}" y1="22" x2="{b:.1f}" y2="22"/>'
    return _svg(f'{span}<circle class="{clear}" cx="{p:.1f}" cy="22" r="5"/>', zero=middle)


def _svg(drawn: str, *, zero: float = ZERO) -> Markup:
    line = f'<line class="zero" x1="{zero:g}" y1="0" x2="{zero:g}" y2="{HEIGHT}"/>'
    return Markup(  # noqa: S704  numbers only
        f'<svg class="bar" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
        f' aria-hidden="true">{line}{drawn}</svg>'
    )
