"""What came of stories that were played: each step beside what was expected of it, for people and for programs."""

from typing import Any, Final

from msgspec import Struct

from visavis.lab.stories.simulated_population import PopulationResult
from visavis.strategy.story import PlayedStep, Story, text_in

SCREENS: Final = {"fr": ("ses lunettes :", "conseiller :"), "en": ("her glasses:", "adviser:")}
IN_SHORT: Final = ("kind", "product", "answer", "device")


class StoryResult(Struct, frozen=True):
    """One story as it was played."""

    story: Story
    steps: tuple[PlayedStep, ...]

    @property
    def as_expected(self) -> bool:
        """Whether every step came out as the story expects."""
        return all(step.as_expected for step in self.steps)

    def fields(self, language: str) -> dict[str, Any]:
        """The story as one JSON object: each step with what was sent, expected and found."""
        return {
            "scene": self.story.id,
            "title": text_in(self.story.title, language),
            "promise": text_in(self.story.promise, language),
            "as_expected": self.as_expected,
            "steps": [
                {
                    "what": self._title(step, language),
                    "status": step.status,
                    "as_expected": step.as_expected,
                    "skipped": step.skipped,
                    "expected": {check.what: check.expected for check in step.checks},
                    "happened": {check.what: check.found for check in step.checks},
                    "her_glasses": step.glasses,
                    "adviser_glasses": step.adviser,
                    "why": [decision["why"] for decision in step.reply.get("decisions", [])],
                }
                for step in self.steps
            ],
        }

    def text(self, language: str) -> str:
        """The story in lines: each step, what the screens showed, and each expectation that does not hold."""
        glasses, adviser = SCREENS[language]
        lines = [f"{text_in(self.story.title, language)}. {text_in(self.story.promise, language)}"]
        for step in self.steps:
            lines.append(f"  {'✓' if step.as_expected else '✗'} {self._title(step, language)}")
            details = [f"{glasses} {step.glasses}"] if step.glasses else []
            details += [f"{adviser} {' | '.join(step.adviser)}"] if step.adviser else []
            details += [one["why"] for one in step.reply.get("decisions", []) if one["result"] == "silence"]
            failed = [check for check in step.checks if not check.holds]
            details += [f"expected {one.what}: {one.expected}; happened: {one.found}" for one in failed]
            if step.skipped:
                details.append(f"not played: what it needs is missing{f' ({step.excused})' if step.excused else ''}")
            lines += [f"      {detail}" for detail in details]
        return "\n".join(lines) + "\n"

    def _title(self, played: PlayedStep, language: str) -> str:
        step = self.story.steps[played.number]
        summary = " ".join([str(value) for key, value in step.moment.items() if key in IN_SHORT])
        return text_in(step.say, language) or summary or "…"


class PlayReport(Struct, frozen=True):
    """Everything that was played without a browser; ``population`` is the simulated year, when it was run."""

    stories: tuple[StoryResult, ...]
    population: PopulationResult | None
    first_scene_s: float

    @property
    def as_expected(self) -> bool:
        """Whether every story came out as expected, and the simulated year ran to its end."""
        ran = self.population is None or self.population.complete
        return ran and all(story.as_expected for story in self.stories)

    def fields(self, language: str) -> dict[str, Any]:
        """One JSON object."""
        scenes = [one.fields(language) for one in (*self.stories, self.population) if one is not None]
        return {"as_expected": self.as_expected, "first_scene_s": round(self.first_scene_s, 3), "scenes": scenes}

    def text(self, language: str) -> str:
        """The same in lines."""
        return "\n".join([one.text(language) for one in (*self.stories, self.population) if one is not None])
