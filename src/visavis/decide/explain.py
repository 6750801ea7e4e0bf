"""The reason of a decision as a sentence in the person's language, from the decision alone."""

from typing import Final

from visavis.model.decision import Decision, Refusal, RefusalReason, Show

SENTENCES: Final[dict[RefusalReason, dict[str, str]]] = {
    "condition_false": {"fr": "ce n'était pas le bon moment", "en": "it was not the right moment"},
    "consent": {
        "fr": "vous n'avez pas autorisé cet usage de vos données",
        "en": "you have not allowed this use of your data",
    },
    "condition_unknown": {
        "fr": "il manquait une information pour en être sûr",
        "en": "something was not known for certain",
    },
    "dates": {"fr": "ce n'était pas un jour prévu pour cette carte", "en": "this card is not for that day"},
    "cap": {"fr": "vous en avez assez vu aujourd'hui", "en": "you have seen enough of these today"},
    "gap": {"fr": "une carte semblable venait de passer", "en": "a similar card had just been shown"},
    "cool_down": {"fr": "une carte en a déjà parlé récemment", "en": "a card was about it recently"},
    "quiet_hours": {"fr": "ce sont vos heures calmes", "en": "these are your quiet hours"},
    "late": {"fr": "nous l'avons appris trop tard", "en": "it was reported too late"},
    "same_stay": {"fr": "vous étiez déjà là", "en": "you were there already"},
    "closed": {"fr": "ce lieu était fermé", "en": "this place was closed"},
    "resident": {"fr": "vous habitez ou travaillez là", "en": "you live or work there"},
    "back": {
        "fr": "la source venait de reprendre après un long silence",
        "en": "the source had only just come back after a long silence",
    },
    "device": {"fr": "aucun de vos écrans n'était disponible", "en": "none of your screens was available"},
    "attention": {
        "fr": "votre attention a déjà été assez sollicitée",
        "en": "enough of your attention was already taken",
    },
    "holdout": {
        "fr": "vous êtes dans le groupe témoin qui mesure leur utilité",
        "en": "you are in the group that measures whether cards help",
    },
    "silence_better": {"fr": "rien ne valait de vous déranger", "en": "nothing was worth disturbing you"},
    "not_drawn": {"fr": "le tirage d'exploration en a choisi une autre", "en": "the exploration draw chose another"},
    "nothing_to_name": {"fr": "nous ne savions rien d'utile à vous dire", "en": "we knew nothing useful to say"},
    "wrong": {"fr": "vous nous avez dit que c'était faux", "en": "you told us that it was wrong"},
    "no_target": {"fr": "ce service n'est pas encore en place", "en": "this service is not in place yet"},
    "unparameterised": {"fr": "nous n'avons pas encore assez appris", "en": "we have not learned enough yet"},
}

CHANGES: Final[dict[RefusalReason, dict[str, str]]] = {
    "consent": {"fr": "Autoriser cet usage le changerait.", "en": "Allowing this use would change it."},
    "holdout": {"fr": "C'est un tirage au sort, le même partout.", "en": "It is a lottery, the same everywhere."},
}
OCCASION: Final = {"fr": "Parce que l'occasion vient de se présenter.", "en": "Because the occasion has just come up."}
OTHERWISE: Final = {"fr": "Un autre moment le changerait.", "en": "Another moment would change it."}

FEATURE_WORDS: Final[dict[str, dict[str, str]]] = {
    "share of baskets": {"fr": "souvent dans vos paniers", "en": "often in your baskets"},
    "decayed count": {"fr": "acheté ces dernières semaines", "en": "bought in recent weeks"},
    "recent baskets": {"fr": "dans vos derniers paniers", "en": "in your latest baskets"},
    "last 28 days": {"fr": "acheté ce mois-ci", "en": "bought this month"},
    "rhythm": {"fr": "le rythme de vos achats", "en": "the rhythm of your purchases"},
    "overdue": {"fr": "le temps depuis le dernier achat", "en": "the time since you last bought it"},
    "share here": {"fr": "souvent acheté dans ce magasin", "en": "often bought in this shop"},
}


def first_refusal(refusals: tuple[Refusal, ...], *, default: RefusalReason) -> RefusalReason:
    """The reason of the refusal that came last in the order of the checks: that action got furthest."""
    order = list(SENTENCES)
    return max((refusal.reason for refusal in refusals), key=order.index, default=default)


def sentence(decision: Decision, language: str) -> str:
    """One sentence of at most 25 words.

    >>> from visavis.model.decision import Silence
    >>> quiet = Silence("d", "customer", "", "quiet_hours", 1.0, (), (), (), None)
    >>> sentence(quiet, "en")
    'Nothing was shown because these are your quiet hours. Another moment would change it.'
    """
    if isinstance(decision, Show):
        pushed = [term.feature for term in decision.terms if term.push > 0 and term.feature in FEATURE_WORDS]
        liked = [FEATURE_WORDS[feature][language] for feature in pushed[:2]]
        what = (" et " if language == "fr" else " and ").join(liked)
        if not what:
            return OCCASION[language]
        return f"Parce que : {what}." if language == "fr" else f"Because: {what}."
    silent = {"fr": "Rien n'a été affiché :", "en": "Nothing was shown because"}[language]
    change = CHANGES.get(decision.reason, OTHERWISE)[language]
    return f"{silent} {SENTENCES[decision.reason][language]}. {change}"
