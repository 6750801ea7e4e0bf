"""Take one decision for one audience: the steps of this room, in their order, on one page."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from visavis.consent.gate import Views
from visavis.decide import attention, device, limits
from visavis.decide.arbitrate import chances, draw
from visavis.decide.brief_facts import avoid, brief_facts
from visavis.decide.eligible import conditions_hold
from visavis.decide.explain import first_refusal
from visavis.decide.facts import figures, usual_product
from visavis.decide.holdout import dice, held_out
from visavis.decide.policy import PRIOR
from visavis.decide.score import WORDS_OF_A_CARD, Candidate, about_needs, columns, net_cents
from visavis.decide.wake import woken
from visavis.insight.need import Estimate, Head, Shortlist, basket_of, best, estimate, shortlist
from visavis.model.action import Action, Audience, Objective
from visavis.model.catalogue import Device
from visavis.model.decision import Decision, Known, Refusal, RefusalReason, Scored, Show, Silence, Term, Window
from visavis.model.entry import Use
from visavis.model.ids import decision_id
from visavis.model.moment import Consumed, Moment, Paying, RanOut, Saw, Stocked
from visavis.model.shown import Shown
from visavis.model.view import View
from visavis.model.world import Calibration, World
from visavis.strategy.read import Strategy
from visavis.strategy.rules import masks

KNOWN_LIMIT: Final = 4
ORDERED_S: Final = 4 * 86_400.0
P_PRIOR: Final = 0.1
"""What an action about no need is believed to bring before any outcome."""
_UNCALIBRATED: Final = Calibration()
_HEADS: Final[Mapping[str, Head]] = {"visit": "visit", "days": "forgotten"}


class Insight(Struct):
    """What the views of this moment say of needs: computed once a set of categories, however many purposes share it."""

    short: Shortlist | None
    basket: frozenset[str] | None
    estimates: dict[str, Estimate]

    def of(self, world: World, head: Head) -> Estimate | None:
        """The estimate of this head; features are shared between heads."""
        if self.short is None or world.learned is None:
            return None
        found = self.estimates.get(head)
        if found is None:
            calibration = world.calibrations.get(head, _UNCALIBRATED)
            x = next(iter(self.estimates.values())).x if self.estimates else None
            found = self.estimates[head] = estimate(
                world.learned, calibration, self.short, head, x=x, basket=self.basket
            )
        return found


def take(
    strategy: Strategy,
    world: World,
    sight: Views,
    moment: Moment,
    key: bytes,
    audience: Audience,
    first: Decision | None,
) -> tuple[Decision | None, list[Use]]:
    """The decision for this audience, with the uses of data that it made.

    ``None`` when this kind of moment wakes nothing for it.

    ``first`` is the customer's decision when the adviser's is taken second: what one already says, the other does not
    repeat.
    """
    by_purpose = woken(strategy, moment, audience)
    if not by_purpose:
        return None, []
    refusals: list[Refusal] = []
    uses: list[Use] = []
    ready: list[tuple[Action, View]] = []
    for purpose, actions in by_purpose.items():
        seen = sight.through(strategy.purposes[purpose])
        if seen is None:
            refusals.extend([Refusal(action.id, "consent", purpose) for action in actions])
            continue
        uses.append(Use(purpose, _read(strategy, moment, actions, seen)))
        held, refused = conditions_hold(strategy, moment, purpose, actions, seen)
        refusals.extend(refused)
        ready.extend([(action, seen) for action in held])

    decision = decision_id(sight.id, moment.id, audience)
    screen = device.best(strategy, sight.devices)
    shown = limits.counted(sight.service, sight.received_s)
    insights: dict[frozenset[str], Insight] = {}
    candidates: list[Candidate] = []
    known: tuple[Known, ...] = ()
    head, leading = "", None
    hour = moment.at.local_hour if moment.at is not None else None
    named = _taken_care_of(strategy, sight, first) if audience == "adviser" else set()
    for action, seen in ready:
        insight: Insight | None = None
        if action.about == "need":
            insight = insights.get(seen.categories)
            if insight is None:
                basket = basket_of(seen) if isinstance(moment, Paying) else None
                insight = insights[seen.categories] = Insight(
                    shortlist(seen, without=basket or frozenset()), basket, {}
                )
            name = _HEADS[strategy.objectives[action.objective].window]
            found = insight.of(world, name)
            if found is not None and insight.short is not None and not known:
                known, head, leading = _known(strategy, action, insight, found), name, action
        refusal = _limited(strategy, sight, action, shown, hour, screen, key)
        if refusal is not None:
            refusals.append(refusal)
            continue
        elsewhere = named | _ordered(strategy, seen) if audience == "adviser" else named
        arms = _arms(strategy, world, sight, seen, moment, action, insight, shown, elsewhere, screen)
        if not arms:
            refusals.append(Refusal(action.id, _why_none(world, insight)))
        candidates.extend(arms)

    drawn = _drawn(
        strategy, sight, moment, decision, audience, candidates, known, head, leading, refusals, screen, key, insights
    )
    if isinstance(drawn, Show):
        seen = next(view for action, view in ready if action.id == drawn.action)
        facts = (
            brief_facts(strategy, seen, sight.service, drawn.family, known, named | _ordered(strategy, seen))
            if audience == "adviser"
            else ()
        )
        drawn = replace(
            drawn, until=sight.received_s + strategy.actions[drawn.action].ttl_s, facts=facts, figures=figures(seen)
        )
    return drawn, uses


def _read(strategy: Strategy, moment: Moment, actions: list[Action], seen: View) -> tuple[str, ...]:
    """The data that these actions are judged by: the waking moment's, and what they depend on.

    What is not named here changes nothing.
    """
    read = {moment.category, "home" if isinstance(moment, Saw) else ""}.union(
        *[strategy.reads[action.id] for action in actions]
    )
    return tuple(sorted(seen.categories & read))  # a glance may be told how much is left at home


def _taken_care_of(strategy: Strategy, sight: Views, first: Decision | None) -> set[str]:
    """The families that the person's own glasses name now: what one says, the other does not repeat."""
    on_glasses = {
        card.family
        for card in sight.service.shown
        if not card.answer
        and card.until > sight.received_s
        and (action := strategy.actions.get(card.action)) is not None
        and action.audience == "customer"
    }
    return on_glasses | ({first.family} if isinstance(first, Show) else set())


def _ordered(strategy: Strategy, seen: View) -> set[str]:
    """The families that are on their way to the person, or came these days: nobody needs to be told to take them."""
    products = [
        order.product for order in seen.orders if order.status != "returned" and seen.now - order.at < ORDERED_S
    ]
    return {strategy.products[product].family if product in strategy.products else product for product in products}


def _known(strategy: Strategy, action: Action, insight: Insight, found: Estimate) -> tuple[Known, ...]:
    """The families that we believe in most, of those that this action is about: before caps, holdout and cool-down."""
    short = insight.short
    assert short is not None
    rows = best(found.p, len(short.families))
    condition = strategy.product_conditions.get(action.id)
    if condition is not None:
        allowed = masks(
            condition,
            columns(strategy, short, {name: one.p for name, one in insight.estimates.items()}, condition.paths),
            size=len(short.families),
        )
        rows = [row for row in rows if allowed[row]]
    return tuple(
        [Known(short.families[row], short.products[row], round(float(found.p[row]), 6)) for row in rows[:KNOWN_LIMIT]]
    )


def _limited(
    strategy: Strategy,
    sight: Views,
    action: Action,
    shown: list[Shown],
    hour: float | None,
    screen: Device | None,
    key: bytes,
) -> Refusal | None:
    """The first limit that keeps an eligible action silent, from the rarest to undo to the most passing."""
    objective = strategy.objectives[action.objective]
    if screen is None:
        return Refusal(action.id, "device")
    if screen.interrupts and limits.quiet(strategy.brand, hour):
        return Refusal(action.id, "quiet_hours")
    if (refusal := limits.over(action, shown, sight.received_s)) is not None:
        return refusal
    if action.audience == "customer" and limits.units_left(strategy.brand, shown, sight.received_s) < attention.units(
        screen, WORDS_OF_A_CARD
    ):
        return Refusal(action.id, "attention")
    if objective.holdout_share and held_out(
        sight.randomization_unit, objective.id, share=objective.holdout_share, key=key
    ):
        return Refusal(action.id, "holdout", objective.id)
    return None


def _arms(
    strategy: Strategy,
    world: World,
    sight: Views,
    seen: View,
    moment: Moment,
    action: Action,
    insight: Insight | None,
    shown: list[Shown],
    named: set[str],
    screen: Device | None,
) -> list[Candidate]:
    """The concrete things that this action could say now."""
    if screen is None:
        return []
    customers = action.audience == "customer"
    price = (
        attention.price_cents(strategy.brand, attention.units(screen, WORDS_OF_A_CARD), sight.service.reluctance)
        if customers
        else 0.0
    )
    objective = strategy.objectives[action.objective]
    if action.about == "need":
        if insight is None or insight.short is None:
            return []
        head = _HEADS[objective.window]
        found = insight.of(world, head)
        if found is None:
            return []
        condition = strategy.product_conditions.get(action.id)
        if condition is not None and "need.p7" in condition.paths:
            insight.of(world, "week")
        barred = limits.cooling(action, shown, sight.received_s) | named | set(sight.service.wrong)
        if not customers:
            barred |= {
                avoid(strategy, seen, sight.service)
            }  # what she has just refused is not for her adviser to propose
        probabilities = {name: one.p for name, one in insight.estimates.items()}
        return about_needs(
            strategy,
            action,
            insight.short,
            probabilities,
            head=head,
            barred=barred,
            beliefs=world.beliefs,
            price_cents=price,
        )
    family, product = "", ""
    if action.about in ("seen", "home") and isinstance(moment, Saw | RanOut | Stocked | Consumed):
        family, product = moment.family, usual_product(seen, moment.family) or moment.product
        # What the person looks at, or the home reports, is news: only this very action's own word about it counts as
        # said.
        if family in strategy.never_push or family in limits.cooling(
            action, [card for card in shown if card.action == action.id], sight.received_s
        ):
            return []
    p_response, net = net_cents(objective, action, world.beliefs.get(action.id, PRIOR), P_PRIOR, price)
    if objective.credit == "uplift" and action.about == "none":
        net = objective.value_cents * action.lever * P_PRIOR - price  # until outcomes say otherwise
    return [Candidate(action, family, product, -1, p_response, net, "")]


def _why_none(world: World, insight: Insight | None) -> RefusalReason:
    if world.learned is None:
        return "unparameterised"
    return "nothing_to_name" if insight is None or insight.short is None else "cool_down"


def _drawn(
    strategy: Strategy,
    sight: Views,
    moment: Moment,
    decision: str,
    audience: str,
    candidates: list[Candidate],
    known: tuple[Known, ...],
    head: str,
    leading: Action | None,
    refusals: list[Refusal],
    screen: Device | None,
    key: bytes,
    insights: Mapping[frozenset[str], Insight],
) -> Decision:
    """Arbitrate among the arms and silence, and write down everything that the choice depended on."""
    candidates.sort(key=lambda arm: (arm.action.id, arm.family))
    nets = [0.0, *[arm.net_cents for arm in candidates]]
    # A service that is never tried for the sake of knowledge is not withheld for its sake either.
    withheld = not candidates or max(candidates, key=lambda arm: arm.net_cents).action.explore
    p = chances(
        nets,
        [withheld, *[arm.action.explore for arm in candidates]],
        gamma=strategy.brand.exploration_gamma,
        floor=strategy.brand.exploration_floor,
    )
    chosen = draw(p, dice(key, decision, "action")) if candidates else 0
    scored: tuple[Scored, ...] = ()
    if candidates:
        best = max(range(1, len(nets)), key=nets.__getitem__)
        kept = sorted({0, chosen, best})
        scored = tuple(
            [
                Scored(candidates[i - 1].action.id, candidates[i - 1].family, round(nets[i] * 1000), p[i])
                if i
                else Scored("", "", 0, p[0])
                for i in kept
            ]
        )
    if chosen == 0:
        reason = (
            ("not_drawn" if max(nets) > 0.0 else "silence_better")
            if candidates
            else first_refusal(refusals, default="nothing_to_name")
        )
        window = (
            _window(strategy.objectives[leading.objective], moment, sight.received_s)
            if leading is not None and known
            else None
        )
        purpose = leading.purpose if leading is not None else ""
        return Silence(decision, audience, purpose, reason, p[0], scored, known, tuple(refusals), window, head)
    arm = candidates[chosen - 1]
    assert screen is not None
    terms: tuple[Term, ...] = ()
    if arm.row >= 0:
        found = next(one.estimates[arm.head] for one in insights.values() if arm.head in one.estimates)
        terms = tuple([Term(name, round(push * 100)) for name, push in found.terms(arm.row)])
    window = _window(strategy.objectives[arm.action.objective], moment, sight.received_s)
    return Show(
        decision,
        audience,
        arm.action.purpose,
        arm.action.id,
        arm.family,
        arm.product,
        screen.profile,
        round(attention.units(screen, WORDS_OF_A_CARD), 3) if audience == "customer" else 0.0,
        round(arm.p_response, 6),
        p[chosen],
        scored,
        known,
        tuple(refusals),
        terms,
        window,
        head,
    )


def _window(objective: Objective, moment: Moment, received_s: float) -> Window | None:
    """When the outcome of this decision will be known."""
    spot = moment.at
    day = spot.local_day if spot is not None else int(received_s // 86_400)
    if objective.window == "visit":
        return Window(
            objective.id, received_s + objective.hours * 3600.0, day, day + 1, visit=True, outcome=objective.outcome
        )
    left_h = 24.0 - (spot.local_hour if spot is not None else received_s % 86_400 / 3600.0)
    closes_at = float(round(moment.occurred_at.timestamp() + (left_h + 24.0 * objective.days) * 3600.0))
    return Window(objective.id, closes_at, day + 1, day + objective.days, visit=False, outcome=objective.outcome)
