"""The attributes that a condition may name: path, type, scope, data category, and name in French and English."""

from typing import Final, Literal

from msgspec import Struct

Type = Literal["number", "text", "flag", "tags"]
Scope = Literal["moment", "person", "product"]


class Attribute(Struct, frozen=True, gc=False):
    """One thing that a condition may name, and the data category that it is read from (empty: no personal data)."""

    path: str
    type: Type
    scope: Scope
    category: str
    fr: str
    en: str


_TABLE: Final = """
moment.kind           text   moment  -           ce qui arrive | what happens
moment.hour           number moment  -           l'heure | the hour
moment.weekday        number moment  -           le jour de la semaine | the day of the week
place.id              text   moment  places      le lieu | the place
place.kind            text   moment  places      le type de lieu | the kind of place
place.dwell_s         number moment  places      la durée de présence | the time spent there
basket.lines          number moment  purchases   le nombre d'articles du panier | the number of items in the basket
basket.value_cents    number moment  purchases   le montant du panier | the value of the basket
saw.product           text   moment  sight       le produit regardé | the product looked at
saw.family            text   moment  sight       la famille du produit regardé | the family of the product looked at
saw.is_usual          flag   moment  purchases   regarder son produit habituel | looking at one's usual product
saw.units_at_home     number moment  home        ce qu'il en reste à la maison | what is left of it at home
home.family           text   moment  home        la famille signalée à la maison | the family reported by the home
home.product          text   moment  home        le produit signalé à la maison | the product reported by the home
home.units            number moment  home        ce qui reste à la maison | what is left at home
asked.about           text   moment  -           ce qui est demandé | what is asked
measure.name          text   moment  numbers     la mesure | the measure
measure.value         number moment  numbers     la valeur mesurée | the measured value
measure.today         number moment  numbers     le total du jour | the day's total
measure.goal_share    number moment  numbers     la part de l'objectif du jour | the share of the day's goal
customer.known        flag   person  -           être connu de la marque | being known to the brand
customer.language     text   person  -           la langue | the language
customer.tags         tags   person  preferences les préférences déclarées | the declared preferences
customer.checked_in   flag   person  places      s'être annoncé | having checked in
worth.spend_28d_cents number person  purchases   les achats des 28 derniers jours | the spend of the last 28 days
worth.trips_28d       number person  purchases   les visites des 28 derniers jours | the trips of the last 28 days
worth.trips           number person  purchases   le nombre de visites | the number of trips
worth.days_since_trip number person  purchases   les jours depuis la dernière visite | the days since the last trip
device.battery        number person  -           la batterie | the battery
device.profile        text   person  -           l'appareil | the device
device.worn           flag   person  -           l'appareil porté | wearing the device
product.id            text   product -           le produit | the product
product.family        text   product -           la famille du produit | the product's family
product.price_cents   number product -           le prix | the price
product.margin_share  number product -           la marge | the margin
need.p_visit number product purchases la probabilité d'en prendre cette fois | the chance of taking it this time
need.p_forgotten number product purchases la probabilité de revenir le chercher | the chance of coming back for it
need.p7 number product purchases la probabilité d'en avoir besoin sous 7 jours | the chance of needing it within 7 days
need.times            number product purchases   le nombre de jours d'achat | the number of days it was bought
need.days_since       number product purchases   les jours depuis le dernier achat | the days since it was last bought
"""


def _attributes() -> dict[str, Attribute]:
    found: dict[str, Attribute] = {}
    for line in _TABLE.strip().splitlines():
        path, kind, scope, category, names = line.split(maxsplit=4)
        fr, en = names.split(" | ")
        found[path] = Attribute(path, kind, scope, category.strip("-"), fr, en)  # type: ignore[arg-type]
    return found


ATTRIBUTES: Final = _attributes()
