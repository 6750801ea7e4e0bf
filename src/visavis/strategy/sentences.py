"""A condition as text that parses to the same tree, and as a sentence in French or English."""
# Negation is pushed to the tests; each test reads ``what: how much``, without agreement. Flags are whole clauses.

from typing import Final

from visavis.model.attributes import ATTRIBUTES
from visavis.strategy.tree import AllOf, AnyOf, Not, Test, Tree, contrary


def as_text(tree: Tree, *, inside: bool = False) -> str:
    """The tree as text."""
    match tree:
        case Test(path=path, operator="true", value=value):
            return path if value else f"not ({path})"
        case Test(path=path, operator="is"):
            return f"{path} is None"
        case Test(path=path, operator="isnt"):
            return f"{path} is not None"
        case Test(path=path, operator=("has" | "lacks") as operator, value=value):
            return f"{value!r} {'in' if operator == 'has' else 'not in'} {path}"
        case Test(path=path, operator=("in" | "not in") as operator, value=value):
            return f"{path} {operator} ({', '.join(_constant(item) for item in value)}{',' if len(value) == 1 else ''})"
        case Test(path=path, operator=operator, value=value):
            return f"{path} {operator} {_constant(value)}"
        case Not(one=one):
            return f"not ({as_text(one)})"
        case AllOf(parts=parts) | AnyOf(parts=parts):
            joined = (" and " if isinstance(tree, AllOf) else " or ").join(as_text(part, inside=True) for part in parts)
            return f"({joined})" if inside else joined


def _constant(value: str | float) -> str:
    return repr(int(value)) if isinstance(value, float) and value.is_integer() else repr(value)


CLAIMS: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "customer.known": {
        "fr": ("la personne est connue de la marque", "la personne n'est pas connue de la marque"),
        "en": ("the person is known to the brand", "the person is not known to the brand"),
    },
    "customer.checked_in": {
        "fr": ("la personne s'est annoncée", "la personne ne s'est pas annoncée"),
        "en": ("the person has checked in", "the person has not checked in"),
    },
    "saw.is_usual": {
        "fr": ("la personne regarde son produit habituel", "la personne regarde un autre produit que le sien"),
        "en": ("the person looks at their usual product", "the person looks at another product than theirs"),
    },
    "device.worn": {
        "fr": ("l'appareil est porté", "l'appareil n'est pas porté"),
        "en": ("the device is worn", "the device is not worn"),
    },
}
"""Each flag as a clause, and negated."""

_BOTH: Final = {
    "<": ("moins de {}", "less than {}"),
    "<=": ("au plus {}", "at most {}"),
    ">": ("plus de {}", "more than {}"),
    ">=": ("au moins {}", "at least {}"),
    "==": ("{}", "{}"),
    "!=": ("autre que {}", "other than {}"),
    "in": ("{}", "{}"),
    "not in": ("autre que {}", "other than {}"),
    "has": ("avec {}", "with {}"),
    "lacks": ("sans {}", "without {}"),
    "is": ("sans valeur", "without a value"),
    "isnt": ("avec une valeur", "with a value"),
    "all": (" et ", " and "),
    "some": (" ou ", " or "),
    "colon": ("\u00a0: ", ": "),
    "quoted": ("«\u00a0{}\u00a0»", "“{}”"),
    "share": ("{}\u00a0%", "{}%"),
    "always": ("toujours", "always"),
}
_WORDS: Final = {language: {key: both[at] for key, both in _BOTH.items()} for at, language in enumerate(("fr", "en"))}
DAYS: Final = {
    "fr": ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
_SHARES: Final = frozenset({"device.battery", "product.margin_share", "need.p_visit", "need.p7", "need.p_forgotten"})


def as_sentence(tree: Tree, language: str, *, negated: bool = False, inside: str = "") -> str:
    """The meaning of the tree as a sentence, with parentheses only where they are needed."""
    words = _WORDS[language]
    match tree:
        case Test():
            return _predicate(contrary(tree) if negated else tree, language)
        case Not(one=one):
            return as_sentence(one, language, negated=not negated, inside=inside)
        case AllOf(parts=parts) | AnyOf(parts=parts):
            joiner = words["all" if isinstance(tree, AllOf) is not negated else "some"]
            joined = joiner.join(as_sentence(part, language, negated=negated, inside=joiner) for part in parts)
            return f"({joined})" if inside not in ("", joiner) else joined or words["always"]


def _predicate(test: Test, language: str) -> str:
    words, attribute = _WORDS[language], ATTRIBUTES[test.path]
    if test.operator == "true":
        return CLAIMS[test.path][language][not test.value]
    constants = test.value if isinstance(test.value, tuple) else (test.value,)
    shown = words["some"].join(_shown(test.path, constant, language) for constant in constants)
    return f"{attribute.fr if language == 'fr' else attribute.en}{words['colon']}{words[test.operator].format(shown)}"


def _shown(path: str, value: str | float | None, language: str) -> str:
    words = _WORDS[language]
    if not isinstance(value, float):
        return words["quoted"].format(value)
    if path == "moment.weekday" and value in range(7):
        return DAYS[language][int(value)]
    if path.endswith("_cents"):
        return _number(value / 100.0, language)
    return words["share"].format(_number(value * 100.0, language)) if path in _SHARES else _number(value, language)


def _number(value: float, language: str) -> str:
    plain = f"{value:,.4f}".rstrip("0").rstrip(".")
    return plain.replace(",", "\u00a0").replace(".", ",") if language == "fr" else plain
