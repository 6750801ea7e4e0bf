"""A retailer's abbreviated names in plain words, for a family without a name of its own in the strategy."""

import re
from functools import lru_cache
from typing import Final

_WORDS: Final = """
frozen=FRZN|FRZ|IQF fresh=FRE|FRSH chilled=REFRIG|REFRIGERATED soft=SFT drink=DRNK drinks=DRNKS|BEV bottle=BTL
bottles=BTLS canned=CND|CAN pack=PK|PKG packed=PKGD single=SNGL serve=SRV fizzy=CARB juice=JCE|JUIC chocolate=CHOC
vegetable=VEG chicken=CHIX sweet=SW|SWT goods=GDS breaded=BRD food=FDS cake=CKE fried=FRD ground=GRND patties=PTTY
brisket=BRSKT breast=BRST shoulder=SHLDR steak=STK chop=CHP slices=SLC stew=STW strips=STRP shellfish=SHLFSH
batter=BTR flavored=FLVRD|FLV liquid=LIQ plastic=PLSTC natural=NATRL portioned=PREPORTND
accessories=ACC|ACCS|ACCES|ACCSS|ACCESS unsweetened=UNSWE sweetener=SWEE|SWEETEN Christmas=XMAS|CHRISTMAS barbecue=BBQ
litre=LITER|LTR young=YNG with=W and=&
"""
_PLAIN: Final = {
    code: word for word, codes in (pair.split("=") for pair in _WORDS.split()) for code in codes.split("|")
}
_EMPTY: Final = frozenset(
    ["MISC", "OTHER", "SS", "RW", "RTS", "INCL", "INCLUDING", "EXCP", "EXC", "EX", "SNSL", "HT", "OTYHER"]
)
_NOT_LAST: Final = frozenset(["ALL", "ONLY", "NOT", "AND", "&", "WITH", "W", "WITHOUT", "OF", "OR", "NON", "N"])
_DEPARTMENTS: Final = ("SW GDS", "SV BEV", "COFF SHOP", "COFFEE SHOP", "BK SPECLTY")


@lru_cache(maxsize=4096)
def readable_name(code: str) -> str:
    """A code as plain words, the general word last.

    >>> [readable_name(code) for code in ("SFT DRNK SNGL SRV BTL CARB (EX", "CAKES: CUPCAKES", "CAKES: POUND", "12345")]
    ['soft drink single serve bottle fizzy', 'cupcakes', 'pound cakes', '12345']
    >>> [readable_name(code) for code in ("BEEF - FULLY COOKED", "CANDY W/O FLOUR", "SOUR CREAM/COTTAGE CHEESE")]
    ['fully cooked beef', 'candy without flour', 'sour cream and cottage cheese']
    """
    text = re.sub(r"\([^)]*\)?", " ", code.upper())
    text = re.sub(r"(?<=\w)\s+S\b", "'S", text)
    text = re.sub(r"\bW/O\b\s*", " WITHOUT ", text)
    text = re.sub(r"\bW/\s*", " WITH ", text)
    general, _, special = re.sub(r"\s+-\s+", ":", text).partition(":")
    first, last = _words(special), [] if general.strip() in _DEPARTMENTS else _words(general)
    if last and any(last[-1].rstrip("s") in word for word in first):
        last = []
    return " ".join(first + last) or code.strip().lower()


def _words(text: str) -> list[str]:
    text = re.sub(
        r"\d+/\d\S*|[\d.$]+-\d\S*|[^\s/]*\d[A-Z%][^\s/]*|\$\S*|\b\d[\d.]*(?!\S)(?!\s+(?:LITER|LTR|OZ)\b)", " ", text
    )
    text = re.sub(r"(?<=\w{2})\s*[/&]\s*(?=\w{2})", " & ", text)
    parts = [part for part in re.split(r"(?<!\bNON)(?<!MULTI)(?<!\bBONE)(?<!\bSEMI)(?<!\bT)-|[\s/,.:]+", text) if part]
    parts = [part for part in parts if part not in _EMPTY]
    while parts and (parts[-1] in _NOT_LAST or len(parts[-1]) == 1):
        parts.pop()
    while parts and parts[0] in ("&", "-"):
        parts.pop(0)
    return [_PLAIN.get(part, part.lower()) for part in parts]
