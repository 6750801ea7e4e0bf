"""The year on a terminal: one household's glasses with their card, beside the figures so far."""

from typing import Final

from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from visavis.cards.compose import compose
from visavis.cards.text import text_screen
from visavis.decide.explain import SENTENCES
from visavis.lab.year.visit_record import Visit
from visavis.model.decision import Show
from visavis.strategy.read import Strategy

COLUMNS: Final = 40
ROWS: Final = 7
EVERY: Final = 100
STAGES: Final = {
    "history": "January to June, history",
    "learning": "learning from the development half",
    "evaluation": "July to December, evaluated",
}


class ProgressScreen:
    """Draws while the year runs; without a ``household`` to follow, the glasses are of another one each time."""

    def __init__(self, strategy: Strategy, *, household: int | None, language: str = "en") -> None:
        self._strategy = strategy
        self._household = household
        self._language = language
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn()
        )
        self._task = self._progress.add_task(STAGES["history"], total=1)
        self._glasses = Panel("\n" * ROWS, title="the customer's glasses", width=COLUMNS + 4)
        self._visits = self._cards = self._hits = self._counted = 0
        self.live = Live(self._page(), console=Console(stderr=True), refresh_per_second=8, transient=True)

    def __call__(self, stage: str, done: int, of: int, visit: Visit | None) -> None:
        """Draw one step of the year."""
        self._progress.update(self._task, description=STAGES[stage], completed=done, total=of)
        if visit is not None:
            self._visits += 1
            if visit.entrance is not None:
                self._hits += visit.entrance.model_hit
                self._counted += visit.entrance.counted_hit
            self._cards += bool(visit.at_entrance.action)
            if visit.household == self._household or (self._household is None and done % EVERY == 0):
                self._glasses = self._glasses_of(visit)
        if visit is None or done % EVERY == 0:
            self.live.update(self._page())

    def _glasses_of(self, visit: Visit) -> Panel:
        decision = visit.at_entrance
        if not decision.action:
            reason = SENTENCES[decision.silence][self._language]  # type: ignore[index]
            text = "\n" * (ROWS // 2) + f"· silence: {reason}"
            return Panel(text, title=f"household {visit.household}", width=COLUMNS + 4, height=ROWS + 2)
        what = (decision.action, decision.family, decision.product, "", 0.0, decision.p_response, decision.p_shown)
        show = Show(decision.decision, "customer", "", *what, (), (), (), (), None)
        lines = text_screen(compose(self._strategy, show, self._language), COLUMNS, ROWS)
        title = f"household {visit.household}, p {decision.p_response:.2f}"
        return Panel("\n".join(lines), title=title, width=COLUMNS + 4)

    def _page(self) -> Table:
        figures = Table.grid(padding=(0, 2))
        figures.add_row("visits", f"{self._visits:,}")
        figures.add_row("cards at the door", f"{self._cards:,}")
        if self._counted:
            figures.add_row("hit rate ÷ counting", f"{self._hits / self._counted:.3f}")
        both = Table.grid(padding=(0, 3))
        both.add_row(self._glasses, figures)
        page = Table.grid()
        page.add_row(self._progress)
        page.add_row(both)
        return page
