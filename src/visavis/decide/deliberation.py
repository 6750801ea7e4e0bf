"""Take one decision for one audience: gather, propose, choose, record; each step takes the result of the one before."""

from datetime import datetime
from typing import Final

from msgspec import Struct

from visavis.consent.gate import Views
from visavis.decide import attention, device, limits
from visavis.decide.arbitrate import chances, draw
from visavis.decide.arms import Arm, moment_arms, need_arms
from visavis.decide.brief_facts import brief_facts, refused_family
from visavis.decide.eligible import Eligible, conditions_hold
from visavis.decide.explain import first_refusal
from visavis.decide.facts import figures
from visavis.decide.holdout import held_out, keyed_uniform
from visavis.decide.needs import Ranking, rankings
from visavis.decide.window import outcome_window
from visavis.model.action import Action, Audience
from visavis.model.catalogue import Device
from visavis.model.decision import Decision, Fact, Known, Refusal, RefusalReason, Scored, Show, Silence, Window
from visavis.model.entry import Use
from visavis.model.ids import decision_id, draw_id
from visavis.model.moment import EPOCH_DAY, Dwelled, Entered, Moment
from visavis.model.shown import Shown
from visavis.model.view import View
from visavis.model.world import World
from visavis.strategy.opening_hours import zone_of
from visavis.strategy.read import Strategy

WORDS_OF_A_CARD: Final = 8
ORDERED_S: Final = 4 * 86_400.0
"""How long a family that was ordered is not proposed by an adviser."""


class Gathered(Struct, frozen=True, gc=False):
    """What may be proposed, why the rest may not, which data were read, the needs of the ``leading`` action."""

    eligible: list[Eligible]
    refusals: list[Refusal]
    uses: list[Use]
    leading: Action | None = None
    head: str = ""
    known: tuple[Known, ...] = ()


class Draw(Struct, frozen=True, gc=False):
    """The arm that was drawn (``None`` is silence), its exact probability, and the arms to log."""

    arm: Arm | None
    p_shown: float
    scored: tuple[Scored, ...] = ()
    beaten: bool = False
    """Whether silence was drawn although an arm was worth more."""


class Deliberation(Struct, frozen=True, gc=False):
    """What the steps of one decision share; the adviser's does not repeat ``first``, the customer's decision."""

    strategy: Strategy
    world: World
    views: Views
    moment: Moment
    key: bytes
    audience: Audience
    first: Decision | None
    id: str
    screen: Device | None
    units: float
    shown: list[Shown]

    def gather(self) -> Gathered:
        """The woken actions whose purpose is open and whose condition holds, with the needs that they are about."""
        held: list[tuple[Action, View]] = []
        refusals: list[Refusal] = []
        uses: list[Use] = []
        today, _ = self._local_now()
        for purpose, woken in self.strategy.woken_by(self.moment.kind, self.audience).items():
            view = self.views.for_purpose(self.strategy.purposes[purpose])
            if view is None:
                refusals += [Refusal(action.id, "consent", purpose) for action in woken.actions]
                continue
            uses.append(Use(purpose, tuple(sorted(view.categories & woken.reads))))
            actions, refused = conditions_hold(woken, view)
            refusals += refused
            for action in actions:
                if limits.on_its_days(action, today):
                    held.append((action, view))
                else:
                    refusals.append(Refusal(action.id, "dates"))
        ranked = rankings(self.strategy, self.world, held)
        leading = _leading(held, ranked)
        eligible = [Eligible(action, view, ranked.get(action.id)) for action, view in held]
        if leading is None:
            return Gathered(eligible, refusals, uses)
        ranking = ranked[leading.id]
        return Gathered(eligible, refusals, uses, leading, ranking.head, ranking.known())

    def propose(self, eligible: list[Eligible]) -> tuple[list[Arm], list[Refusal]]:
        """The arms of the actions that no limit keeps silent, and a refusal for each other action."""
        arms: list[Arm] = []
        refusals: list[Refusal] = []
        for one in eligible:
            refusal = self._limit(one.action)
            if refusal is None:
                found = self._arms(one)
                arms += found
                refusal = None if found else Refusal(one.action.id, self._why_no_arm(one))
            if refusal is not None:
                refusals.append(refusal)
        return sorted(arms, key=lambda arm: (arm.of.action.id, arm.family)), refusals

    def choose(self, arms: list[Arm]) -> Draw:
        """Draw one of the arms or silence by their chances; log silence, the drawn arm and the best one."""
        if not arms:
            return Draw(None, 1.0)
        nets = [0.0, *[arm.net_cents for arm in arms]]
        best = max(range(1, len(nets)), key=nets.__getitem__)
        explored = [arm.of.action.explore for arm in arms]
        brand = self.strategy.brand
        # Silence is explored only when the best arm is: a service that is never explored is not withheld either.
        p = chances(nets, [explored[best - 1], *explored], gamma=brand.exploration_gamma, floor=brand.exploration_floor)
        drawn = draw(p, keyed_uniform(self.key, f"{draw_id(self.views.id, self.moment.id, self.audience)}/action"))
        names = [("", ""), *[(arm.of.action.id, arm.family) for arm in arms]]
        scored = tuple([Scored(*names[i], round(nets[i] * 1000), p[i]) for i in sorted({0, drawn, best})])
        return Draw(arms[drawn - 1] if drawn else None, p[drawn], scored, beaten=not drawn and nets[best] > 0.0)

    def record(self, gathered: Gathered, refusals: tuple[Refusal, ...], choice: Draw) -> Decision:
        """The decision, with everything that it depended on."""
        if choice.arm is not None:
            return self._show(gathered, refusals, choice, choice.arm)
        leading, reason = gathered.leading, first_refusal(refusals, default="nothing_to_name")
        if choice.scored:
            reason = "not_drawn" if choice.beaten else "silence_better"
        return Silence(
            id=self.id,
            audience=self.audience,
            purpose=leading.purpose if leading is not None else "",
            reason=reason,
            p_shown=choice.p_shown,
            scored=choice.scored,
            known=gathered.known,
            refusals=refusals,
            window=self._window(leading) if leading is not None and gathered.known else None,
            head=gathered.head,
        )

    def _show(self, gathered: Gathered, refusals: tuple[Refusal, ...], choice: Draw, arm: Arm) -> Show:
        action, view, ranking = arm.of.action, arm.of.view, arm.of.ranking
        assert self.screen is not None
        return Show(
            id=self.id,
            audience=self.audience,
            purpose=action.purpose,
            action=action.id,
            family=arm.family,
            product=arm.product,
            device=self.screen.profile,
            units=round(self.units, 3),
            p_response=round(arm.p_response, 6),
            p_shown=choice.p_shown,
            scored=choice.scored,
            known=gathered.known,
            refusals=refusals,
            terms=ranking.terms(arm.row) if ranking is not None else (),
            window=self._window(action),
            head=gathered.head,
            until=self.views.received_s + action.ttl_s,
            facts=self._brief_facts(view, arm.family, gathered.known) if self.audience == "adviser" else (),
            figures=figures(view),
        )

    def _brief_facts(self, view: View, family: str, known: tuple[Known, ...]) -> tuple[Fact, ...]:
        return brief_facts(self.strategy, view, self.views.service, family, known, self._excluded_families(view))

    def _window(self, action: Action) -> Window:
        return outcome_window(self.strategy, action.objective, self.moment, self.views.received_s)

    def _limit(self, action: Action) -> Refusal | None:
        """The first limit that keeps an eligible action silent, from the longest lasting to the shortest."""
        views, brand, objective = self.views, self.strategy.brand, self.strategy.objectives[action.objective]
        if not self.strategy.delivers(action):
            return Refusal(action.id, "no_target", action.effect)
        if self.screen is None:
            return Refusal(action.id, "device")
        if self.screen.interrupts and limits.quiet(brand, self._local_now()[1]):
            return Refusal(action.id, "quiet_hours")
        if (refusal := limits.exceeded(action, self.shown, views.received_s)) is not None:
            return refusal
        if self.audience == "customer" and limits.units_left(brand, self.shown, views.received_s) < self.units:
            return Refusal(action.id, "attention")
        if objective.holdout_share and held_out(
            views.randomization_unit, objective.id, share=objective.holdout_share, key=self.key
        ):
            return Refusal(action.id, "holdout", objective.id)
        return None

    def _local_now(self) -> tuple[int, float | None]:
        """The person's local day and hour now: a fact of the home may be some hours old.

        When the moment has no local time, the brand's day, and no hour.
        """
        received_s, at = self.views.received_s, self.moment.at
        if at is None:
            local = datetime.fromtimestamp(received_s, zone_of(self.strategy.brand.zone))
            return local.toordinal() - EPOCH_DAY, None
        age_h = (received_s - self.moment.occurred_at.timestamp()) / 3600.0
        days, hour = divmod(at.local_hour + age_h, 24.0)
        return at.local_day + int(days), hour

    def _arms(self, one: Eligible) -> list[Arm]:
        action, service, now = one.action, self.views.service, self.views.received_s
        price = attention.price_cents(self.strategy.brand, self.units, service.reluctance)
        if action.about != "need":
            # What is looked at or reported by the home is news: only cards of this very action count as said.
            own = [card for card in self.shown if card.action == action.id]
            return moment_arms(self.strategy, self.world, one, limits.cooling_down(action, own, now), price)
        barred = limits.cooling_down(action, self.shown, now).union(service.wrong)
        if self.audience == "adviser":
            barred |= self._excluded_families(one.view) | {refused_family(self.strategy, one.view, service)}
        return need_arms(self.strategy, self.world, one, barred, price)

    def _why_no_arm(self, one: Eligible) -> RefusalReason:
        if self.world.learned is None:
            return "unparameterised"
        return "cool_down" if one.ranking is not None else "nothing_to_name"

    def _excluded_families(self, view: View) -> set[str]:
        """The families that an adviser does not propose: the person's glasses show them now, or they were ordered."""
        strategy, now = self.strategy, self.views.received_s
        cards = [card for card in self.views.service.shown if not card.answer and card.until > now]
        actions = [(card, strategy.actions.get(card.action)) for card in cards]
        on_glasses = {card.family for card, action in actions if action and action.audience == "customer"}
        if isinstance(self.first, Show):
            on_glasses.add(self.first.family)
        ordered = [
            order.product for order in view.orders if order.status != "returned" and view.now - order.at < ORDERED_S
        ]
        return on_glasses | {
            strategy.products[product].family if product in strategy.products else product for product in ordered
        }


def deliberate(
    strategy: Strategy,
    world: World,
    views: Views,
    moment: Moment,
    key: bytes,
    audience: Audience,
    first: Decision | None = None,
) -> tuple[Decision | None, list[Use]]:
    """The decision for this audience, with the uses of data that it made.

    ``None`` when this kind of moment wakes no action for it. One that is no news (:func:`_no_news`) is silence: no data
    are read, no window opens.
    """
    woken = strategy.woken_by(moment.kind, audience)
    if not woken:
        return None, []
    name = decision_id(key, views.id, moment.id, audience)
    if why := _no_news(moment):
        refused = tuple([Refusal(action.id, why) for one in woken.values() for action in one.actions])
        return Silence(name, audience, "", why, 1.0, (), (), refused, None), []
    screen = device.best(strategy, views.devices)
    one = Deliberation(
        strategy=strategy,
        world=world,
        views=views,
        moment=moment,
        key=key,
        audience=audience,
        first=first,
        id=name,
        screen=screen,
        units=attention.units(screen, WORDS_OF_A_CARD) if screen is not None and audience == "customer" else 0.0,
        shown=limits.counting_cards(views.service, views.received_s),
    )
    gathered = one.gather()
    arms, silent = one.propose(gathered.eligible)
    decision = one.record(gathered, (*gathered.refusals, *silent), one.choose(arms))
    return decision, gathered.uses


def _no_news(moment: Moment) -> RefusalReason | None:
    """Why this moment wakes nothing: it is late, its source comes back, or it is no entrance, but a stay at night."""
    if moment.late or moment.back:
        return "late" if moment.late else "back"
    if isinstance(moment, Entered):
        return moment.no_entrance or None
    return "closed" if isinstance(moment, Dwelled) and moment.at is not None and moment.at.night else None


def _leading(held: list[tuple[Action, View]], ranked: dict[str, Ranking]) -> Action | None:
    """The first action with a known need, else the last action that is about needs."""
    about = [action for action, _ in held if action.id in ranked]
    return next((action for action in about if ranked[action.id].rows), about[-1] if about else None)
