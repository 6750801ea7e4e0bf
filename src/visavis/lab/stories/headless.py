"""A story told without a screen: what was expected of each step beside what happened, for people and for programs."""

from typing import Any, Final

from msgspec import Struct

from visavis.strategy.story import Played, Story

SCREENS: Final = {"fr": ("ses lunettes :", "conseiller :"), "en": ("her glasses:", "adviser:")}


class Scene(Struct, frozen=True):
    """One story as it was played."""

    story: Story
    played: tuple[Played, ...]

    @property
    def as_expected(self) -> bool:
        """Whether every step came out as the story expects."""
        return all(one.as_expected for one in self.played)

    def fields(self, language: str) -> dict[str, Any]:
        """The scene as one JSON object: each step with what was sent, expected and found."""
        return {
            "scene": self.story.id,
            "title": self.story.title[language],
            "promise": self.story.promise[language],
            "as_expected": self.as_expected,
            "steps": [
                {
                    "what": _what(self.story, one, language),
                    "status": one.status,
                    "as_expected": one.as_expected,
                    "skipped": one.skipped,
                    "expected": {check.what: check.expected for check in one.checks},
                    "happened": {check.what: check.found for check in one.checks},
                    "her_glasses": one.glasses,
                    "adviser_glasses": one.adviser,
                    "why": [said["why"] for said in one.reply.get("decisions", [])],
                }
                for one in self.played
            ],
        }

    def text(self, language: str) -> str:
        """The scene in lines: a step a line, its expectations under it when one does not hold."""
        lines = [f"{self.story.title[language]}. {self.story.promise[language]}"]
        for one in self.played:
            lines.append(f"  {'✓' if one.as_expected else '✗'} {_what(self.story, one, language)}")
            lines.extend([f"      {SCREENS[language][0]} {one.glasses}"] if one.glasses else [])
            lines.extend([f"      {SCREENS[language][1]} {' | '.join(one.adviser)}"] if one.adviser else [])
            lines.extend(
                [f"      {said['why']}" for said in one.reply.get("decisions", []) if said["result"] == "silence"]
            )
            lines.extend(
                [
                    f"      expected {check.what}: {check.expected}; happened: {check.found}"
                    for check in one.checks
                    if not check.holds
                ]
            )
            if one.skipped:
                lines.append(
                    f"      not played: what it needs was not there{f' ({one.excused})' if one.excused else ''}"
                )
        return "\n".join(lines) + "\n"


def _what(story: Story, one: Played, language: str) -> str:
    step = story.steps[one.number]
    said = step.say.get(language)
    return (
        said
        or " ".join(
            [str(value) for key, value in step.moment.items() if key in ("kind", "product", "answer", "device")]
        )
        or "…"
    )
