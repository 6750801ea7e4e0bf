"""Advance widths in thousandths of the font size: the widest of three faces, so fitting a card needs no font file."""
# Made once from DejaVu Sans, Roboto 3.15 (our pictures) and Inter 4 (our pages) at the weights used, rounded up
# (Latin-1, Latin Extended-A, French punctuation). What fits here fits on a page, in a picture, and in Arial.

from typing import Final

_REGULAR: Final = r"""
228=′ 275=' 278=ijlìíîïĩīĭįıĵĺļ 285=ł 295=IÌÍÎÏĪĬĮİ 318=,.·‘’ 337=:;|¦ 351=ŀ 353=ſ 361=f 375=ľ 391=()[] 393=tţťŧ 401=!¡¹
405=″ 411=\ 412=rŕŗř 413=/ 420=² 430=³ 443=Ĩ 460="- 472=ªº 500=*_`¯°´¸ 519=“”„ 523=sśŝşš 531=?¿ 541=zźżž 552=JĴ 556=ĳ
558=cçćĉċč 563=LĹĻĽĿŁ 580=kķ 587=F 590=• 591=¨ 592=vxyýÿŷ 612=o«»ðòóôõöøōŏő 613=a§àáâãäåāăą 616=eèéêëēĕėęě 630=ß 631=Þĸ
632=EÈÉÊËĒĔĖĘĚ 634=hnuñùúûüĥńņňŋũūŭůűų 635=Pbdgpqþđĝğġģ 637=012356789{}¢£¥µ¶ 638=$SŚŜŞŠ 642=4TŢŤŦ 656=KĶ– 665=YÝŶŸ€
677=ď 685=AVÀÁÂÃÄÅĀĂĄ 686=XZŹŻŽ 687=B 695=RħŔŖŘ 723=¤ 727=CÇĆĈĊČ 741=UÙÚÛÜŨŪŬŮŰŲ 752=HĤ 753=NÑŃŅŇŊ 771=DĎ 775=GÐĐĜĞĠĢ
780=& 788=OQÒÓÔÕÖØŌŎŐ 818=wŵ 824=Ĳ 838=#+<=>^~¬±×÷− 889=M 917=Ħ 951=% 955=→ 970=¼½¾ 975=m 982=æ 989=WŴ 990=Æ 994=ŉ
1000=@©®—… 1023=œ 1070=Œ 1088=№ 1342=‰
"""
_BOLD: Final = r"""
264=′ 307=' 343=ijlìíîïĩīĭįıĵĺļ 366=|¦ 372=ł 373=IÌÍÎÏĪĬĮİ 379=/ 380=,.·‘’ 400=:; 421=\ 436=fſ 438=²³¹ 448=Ĩ 457=!¡
458=()[] 461=″ 466=- 479=tţťŧ 480=ľ 494=rŕŗř 500=_`°´¸ 521=" 526=¯ 543=* 553=¨ 557=ŀ 561=JĴ 564=ªº 581=?¿ 583=zźżž
593=cçćĉċč 596=sśŝşš 628=§ 630=– 637=¶ 638=LĹĻĽĿ 640=• 643=Ł 646=x«» 652=vyýÿŷ 658=“”„ 666=kķĸ 675=aàáâãäåāăą
679=eèéêëēĕėęě 683=TŢŤŦ 684=EFÈÉÊËĒĔĖĘĚ 686=ĳ 688=oðòóôõöøōŏő 696=$0123456789¢£¥€ 712=hnu{}ñùúûüĥńņňŋũūŭůűų
716=bdgpqþďđĝğġģ 720=ß 721=SŚŜŞŠ 725=YÝŶŸ 726=ZŹŻŽ 733=P 736=µ 738=Þ 744=CÇĆĈĊČ 751=¤ 763=B 771=RXŔŖŘ 774=AVÀÁÂÃÄÅĀĂĄ
775=KĶ 791=ħ 813=UÙÚÛÜŨŪŬŮŰŲ 821=GĜĞĠĢ 831=DĎ 837=HNÑĤŃŅŇŊ 838=#+<=>^~¬±Ð×÷Đ− 851=OQÒÓÔÕÖØĲŌŎŐ 873=& 924=wŵ 955=→ 974=Ħ
996=M 1000=@©®—… 1002=% 1031=ŉ 1036=¼½¾ 1042=m 1048=æ 1085=Æ 1095=œ 1104=WŴ 1167=Œ 1204=№ 1440=‰
"""


def _widths(table: str, spaces: dict[str, int]) -> dict[str, int]:
    """The width of each glyph of a table of ``width=glyphs``, and of the spaces."""
    rows = [row.split("=", 1) for row in table.split()]
    return spaces | {glyph: int(width) for width, glyphs in rows for glyph in glyphs}


REGULAR: Final = _widths(_REGULAR, {"\u2009": 204, "\u202f": 204, " ": 318, "\xa0": 318, "\u2007": 648})
BOLD: Final = _widths(_BOLD, {"\u2009": 204, "\u202f": 204, " ": 349, "\xa0": 349, "\u2007": 696})
UNKNOWN: Final = 1200
"""A glyph that is in no table is taken as wider than it is high: too wide is safe."""
