"""Money: an amount is a whole number of the minor units of its currency."""

from typing import Final

_DIGITS: Final = {
    0: {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"},
    3: {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"},
}


def minor_digits(currency: str) -> int:
    """How many digits follow the decimal mark: the exponent of ISO 4217 (2015, with amendments to 2025).

    >>> minor_digits("EUR"), minor_digits("JPY"), minor_digits("KWD")
    (2, 0, 3)
    """
    return next((digits for digits, currencies in _DIGITS.items() if currency in currencies), 2)
