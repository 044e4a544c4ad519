"""The workspace of Abyssale's sandbox: projects, designs, fonts and templates, made from a seed.

A seed and a moment go in, a `Workspace` comes out: the same ids and names every time, with
timestamps that lie before that moment. What the API shows of it is not here but in
`shapes.py`.
"""

import random
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

SEED = 20261021
DAY = 86_400  # seconds
DESIGNS = 40
FONTS = 60
TYPES = (
    "static",
    "static",
    "animated",
    "static",
    "printer",
    "static",
    "printer_multipage",
    "static",
)
PROJECTS = ("Always-on", "Brand launch", "Events 2026", "Retail Q4", "Store openings")
SEASONS = ("Black Friday", "Winter", "Spring", "Summer", "Back to school", "Autumn", "New Year")
THINGS = ("hero", "loop", "poster", "catalogue", "teaser", "announcement", "offer", "story")
SCREEN = (
    ("facebook-feed", 1200, 628),
    ("ig-story", 1080, 1920),
    ("leaderboard", 728, 90),
    ("ig-post", 1080, 1080),
    ("rectangle", 300, 250),
    ("skyscraper", 160, 600),
)
PRINT = (("a4-portrait", 210, 297), ("a5-landscape", 210, 148))
FONT_CATEGORIES = ("serif", "sans-serif", "display", "handwriting", "monospace")
CUSTOM_EVERY = 6  # each sixth font is the workspace's own
FONT_WORDS = (
    "Open",
    "Noto",
    "Playfair",
    "Ubuntu",
    "Source",
    "Crimson",
    "Work",
    "Exo",
    "Karla",
    "Lora",
)
FONT_ENDINGS = ("Sans", "Serif", "Mono", "Display", "Script", "Text")


@dataclass(frozen=True)
class Format:
    """One size of a design; `name` is what the API calls the format's id."""

    name: str
    uid: str
    width: int
    height: int
    unit: str = "px"


@dataclass
class Project:
    """A folder of designs."""

    id: str
    name: str
    created_at: int


@dataclass
class Design:
    """A design; the pages of a `printer_multipage` design are its formats."""

    id: str
    name: str
    type: str
    created_at: int
    updated_at: int
    project: Project | None
    formats: tuple[Format, ...]
    in_plan: bool = True  # False: the plan leaves this design's type out


@dataclass
class Workspace:
    """Everything that belongs to one account."""

    company: str = "Sandbox workspace"  # what the check of a key answers
    projects: dict[str, Project] = field(default_factory=dict)
    designs: dict[str, Design] = field(default_factory=dict)
    fonts: list[dict[str, Any]] = field(default_factory=list)
    template_categories: list[dict[str, Any]] = field(default_factory=list)
    templates: list[dict[str, Any]] = field(default_factory=list)


def seeded(now: datetime) -> Workspace:
    """The workspace as it is when the sandbox starts at `now`."""
    chance = random.Random(SEED)  # noqa: S311 - a seed, not a secret
    today = int(now.timestamp())
    workspace = Workspace()
    for name in PROJECTS:
        project = Project(new_id(chance), name, today - chance.randint(400, 600) * DAY)
        workspace.projects[project.id] = project
    for number in range(DESIGNS):
        design = _design(number, chance, today, list(workspace.projects.values()))
        workspace.designs[design.id] = design
    workspace.fonts = sorted(
        (_font(number, chance) for number in range(FONTS)), key=lambda font: str(font["name"])
    )
    workspace.template_categories = [_category(name, chance, today) for name in ("Ads", "Print")]
    workspace.templates = _templates(workspace.template_categories, chance, today)
    return workspace


def new_id(chance: random.Random) -> str:
    """A version 4 UUID that follows from the seed."""
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))


def _design(number: int, chance: random.Random, today: int, projects: list[Project]) -> Design:
    kind = TYPES[number % len(TYPES)]
    created = today - chance.randint(40 * DAY, 390 * DAY)
    return Design(
        id=new_id(chance),
        name=f"{SEASONS[number % len(SEASONS)]} {THINGS[number % len(THINGS)]} {number + 1:02}",
        type=kind,
        created_at=created,
        updated_at=chance.randint(created, today - DAY),
        # the last one is an orphan: the API may answer null for the project
        project=projects[number % len(projects)] if number < DESIGNS - 1 else None,
        formats=_formats(kind, number, chance),
        in_plan=number != DESIGNS - 6,  # one animated design of a type that the plan leaves out
    )


def _formats(kind: str, number: int, chance: random.Random) -> tuple[Format, ...]:
    if kind == "printer_multipage":
        pages = range(1, 2 + number % 3)
        return tuple(Format(f"page_{page}", new_id(chance), 210, 297, "mm") for page in pages)
    if kind == "printer":
        return tuple(Format(name, new_id(chance), w, h, "mm") for name, w, h in PRINT)
    chosen = [SCREEN[(number + step) % len(SCREEN)] for step in range(3 if kind == "static" else 2)]
    return tuple(Format(name, new_id(chance), w, h) for name, w, h in chosen)


def _font(number: int, chance: random.Random) -> dict[str, Any]:
    word = FONT_WORDS[number % len(FONT_WORDS)]
    name = f"{word} {FONT_ENDINGS[number // len(FONT_WORDS)]}"
    weights: list[int | str] = sorted([400, *chance.sample((300, 500, 600, 700, 900), k=2)])
    if number % 2:
        weights += ["400-italic", "700-italic"]
    font: dict[str, Any] = {"id": new_id(chance), "name": name, "available_weights": weights}
    if number % CUSTOM_EVERY == CUSTOM_EVERY - 1:
        return {**font, "name": f"Acme {name}", "type": "custom"}
    category = FONT_CATEGORIES[number % len(FONT_CATEGORIES)]
    return {**font, "category": category, "type": "google"}


def _category(name: str, chance: random.Random, today: int) -> dict[str, Any]:
    created = today - chance.randint(100, 300) * DAY
    return {"id": new_id(chance), "name": name, "color": None, "icon": None, "created_at": created}


def _templates(
    categories: list[dict[str, Any]], chance: random.Random, today: int
) -> list[dict[str, Any]]:
    filed = [*categories, categories[0], {"id": None, "name": None}]  # the last one has no category
    return [
        {
            "id": new_id(chance),
            "name": f"Template {number}",
            "type": ("static", "printer", "animated", "static")[number],
            "created_at": today - 90 * DAY,
            "updated_at": today - chance.randint(1, 80) * DAY,
            "category_id": category["id"],
            "category_name": category["name"],
        }
        for number, category in enumerate(filed)
    ]
