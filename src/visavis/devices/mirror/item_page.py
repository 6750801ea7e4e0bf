"""A timeline item's page on a Glass: 640 × 360, no scripts, sandboxed; pictures are data, so that it loads nothing."""

import re
from base64 import b64encode
from collections.abc import Callable
from html import escape
from typing import Final

from visavis.cards.layout import fit, shortened
from visavis.devices.mirror.cards import ROOM_PX
from visavis.devices.mirror.resources import TimelineItem
from visavis.devices.mirror.timelines import Media
from visavis.http.requests import PAGE

HEADERS: Final = PAGE | {
    "content-security-policy": (
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'self'"
    )
}
SIZES_PX: Final = (64, 52, 44, 38, 32)
HEIGHT_PX: Final = 230
STYLE: Final = """*{box-sizing:border-box}
html,body{margin:0;width:640px;height:360px;overflow:hidden;background:#000;color:#fff}
body{font:300 32px/1.25 Roboto,Inter,system-ui,sans-serif;font-feature-settings:"tnum"}
article{position:absolute;inset:0;overflow:hidden}section{position:absolute;inset:40px 40px 84px}
h1,h2,h3,p,ul,ol,table{margin:0;font-weight:inherit}h1{font-size:48px;line-height:1.15;margin-bottom:12px}
footer{position:absolute;left:40px;right:40px;bottom:24px;font:400 24px/1.2 Roboto,Inter,system-ui,sans-serif}
.blue{color:#34a7ff}.red{color:#cc3333}.green{color:#99cc33}.yellow{color:#ddbb11}.muted,.gray{color:#808080}
img{max-width:100%;max-height:100%}.bleed,.photo>img{position:absolute;inset:0;width:100%;height:100%;object-fit:cover}"""
_PICTURE: Final = re.compile(r'src="(attachment|cid):([A-Za-z0-9_-]{1,128})"')


def document(item: TimelineItem, language: str, picture: Callable[[str], Media | None]) -> str:
    """The whole document; ``picture`` gives the bytes of an attachment by its id."""
    inside = _shown(item, picture) if item.html else _made(item, picture)
    title = escape(item.title or item.text[:80] or "Glass")
    return (
        f'<!doctype html><html lang="{language}"><meta'
        f' charset="utf-8"><title>{title}</title><style>{STYLE}</style><body>{inside}</body></html>'
    )


def _shown(item: TimelineItem, picture: Callable[[str], Media | None]) -> str:
    ids = [one.id for one in item.attachments]

    def source(found: re.Match[str]) -> str:
        name = found[2]
        if found[1] == "attachment":
            name = ids[int(name)] if name.isdigit() and len(name) < 4 and int(name) < len(ids) else ""
        return f'src="{_data(picture(name) if name else None)}"'

    return _PICTURE.sub(source, item.html)


def _made(item: TimelineItem, picture: Callable[[str], Media | None]) -> str:
    """An item that is only text: as large as possible, over its picture when it has one."""
    image = next((one.id for one in item.attachments if one.content_type.startswith("image/")), "")
    behind = f'<img class="bleed" alt="" src="{_data(picture(image))}">' if image else ""
    name = item.creator.display_name if item.creator is not None else ""
    footer = f"<footer><p>{escape(name)}</p></footer>" if name else ""
    return f"<article>{behind}<section>{_text(item.text)}</section>{footer}</article>"


def _text(text: str) -> str:
    for size in SIZES_PX:
        lines = fit(text, width=ROOM_PX, font_px=size, lines=int(HEIGHT_PX / (size * 1.25)))
        if lines is not None:
            break
    else:
        size = SIZES_PX[-1]
        lines = shortened(text, width=ROOM_PX, font_px=size, lines=int(HEIGHT_PX / (size * 1.25))) or ()
    return f'<p style="font-size:{size}px">{"<br>".join([escape(line) for line in lines])}</p>'


def _data(media: Media | None) -> str:
    if media is None or not media.type.startswith("image/"):
        return ""
    return f"data:{media.type};base64,{b64encode(media.data).decode()}"
