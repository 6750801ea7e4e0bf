"""Sanitise the HTML of a timeline item: the elements that Google's guide lists, without anything active.

Beyond Google's lists: no event handler, no address but the item's own attachments and https pictures, and no style that
names an address, escapes a character or imports (such a style is removed as a whole).
Reference: Google, *Mirror API reference: Timeline*, ``html``, revision 20140813.
"""

import re
from typing import Final

import nh3

ALLOWED: Final = frozenset(
    re.findall(
        r"\w+",
        "h1 h2 h3 h4 h5 h6 img li ol ul article aside details figure figcaption footer header nav section summary time"
        " blockquote br div hr p span b big center em i u s small strike strong style sub sup table tbody td tfoot th"
        " thead tr",
    )
)
WITH_CONTENT: Final = frozenset(
    {"head", "title", "audio", "embed", "object", "source", "video", "frame", "frameset", "applet", "script"}
)
"""Removed with all that they hold; the other elements that are not allowed are removed, and their children stay."""
# Elements that HTML parses by rules of their own: what they hold was never text for a reader.
_RAW: Final = frozenset(
    {"template", "noscript", "iframe", "noembed", "noframes", "textarea", "xmp", "plaintext", "math", "svg"}
)
ATTRIBUTES: Final = {
    "*": {"class", "style", "title", "lang", "dir"},
    "img": {"src", "alt", "width", "height"},
    "time": {"datetime"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
    "ol": {"start"},
}
SCHEMES: Final = frozenset({"https", "attachment", "cid"})
_ACTING: Final = re.compile(
    r"\\|@|url|image|src|expression|behavior|binding|import|element\(|position|<", re.IGNORECASE
)
_COMMENT: Final = re.compile(r"/\*.*?\*/", re.DOTALL)
_STYLE: Final = re.compile(r"<style[^>]*>(.*?)</style>", re.DOTALL)


def sanitised(html: str) -> str:
    """The same HTML without what is not allowed; what comes out goes through unchanged.

    >>> sanitised('<p style="color: red" onclick="x()">Milk</p><script>alert(1)</script><blink>!</blink>')
    '<p style="color: red">Milk</p>!'
    >>> sanitised('<img src="attachment:0"><img src="javascript:x"><div style="background: url(//evil)">a</div>')
    '<img src="attachment:0"><img><div>a</div>'
    """
    clean = nh3.clean(
        html,
        tags=set(ALLOWED),
        clean_content_tags=set(WITH_CONTENT | _RAW),
        attributes=ATTRIBUTES,
        attribute_filter=_kept,
        url_schemes=set(SCHEMES),
        url_relative="deny",
        link_rel=None,
        strip_comments=True,
    )
    return _STYLE.sub(lambda found: found[0] if harmless(found[1]) else "", clean)


def harmless(style: str) -> bool:
    """Whether this style can neither call out nor leave its place.

    >>> harmless("p { color: #99cc33 }"), harmless("p { background: u/**/rl(//evil) }"), harmless("@import '//evil'")
    (True, False, False)
    """
    return _ACTING.search(_COMMENT.sub("", style)) is None


def _kept(_element: str, name: str, value: str) -> str | None:
    return value if name != "style" or harmless(value) else None
