"""The structure of the package: names, sizes, and what may not be reached."""

import ast
import re
from collections import Counter
from collections.abc import Iterator

from support.people import ROOT
from visavis.model.errors import VisavisError

SOURCE = ROOT / "src" / "visavis"
TREES = {path.relative_to(SOURCE): ast.parse(path.read_text()) for path in sorted(SOURCE.rglob("*.py"))}
LONGEST_FUNCTION = 60
VAGUE = {"util", "utils", "helper", "helpers", "common", "manager", "service", "services", "base", "misc"}
# Words of a story, where an engineer would look for a term of the field.
STORY = {"told", "lived", "said", "heard", "looked", "passing", "shelf", "leaf", "desk", "anew", "somebody"}
# RFC 6962 speaks of leaves and of their hashes; so does the public path of the ledger.
TERMS = {"leaf_hash"}
# A file that docs/extending.md has its reader write.
EXAMPLES = {"src/visavis/explain/visits.py"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def definitions(*kinds: type[ast.AST]) -> Iterator[tuple[str, ast.AST]]:
    """What the package defines of these kinds, each with where it stands."""
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, kinds):
                yield f"{path}:{node.name}", node  # type: ignore[attr-defined]


def words(name: str) -> set[str]:
    """The words of a name in snake_case or CamelCase."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+", name)}


def test_no_module_has_a_vague_name() -> None:
    assert not [path for path in TREES if {path.stem, path.parent.name} & VAGUE]


def test_names_use_the_words_of_the_field() -> None:
    named = [(f"{path}", path.stem) for path in TREES]
    named += [(where, where.rpartition(":")[2]) for where, _ in definitions(ast.ClassDef, *Function.__args__)]

    assert not [where for where, name in named if words(name) & STORY and name not in TERMS]


def test_a_public_class_name_stands_once_in_the_package() -> None:
    names = Counter(where.rpartition(":")[2] for where, _ in definitions(ast.ClassDef))

    assert not {name: times for name, times in names.items() if times > 1 and not name.startswith("_")}


def test_no_function_is_longer_than_sixty_lines() -> None:
    lengths = {
        where: node.end_lineno - node.lineno + 1
        for where, node in definitions(*Function.__args__)
        if isinstance(node, Function) and node.end_lineno is not None
    }

    assert not {where: length for where, length in lengths.items() if length > LONGEST_FUNCTION}


def test_a_decision_reads_nothing_behind_its_view() -> None:
    behind = {"_customer", "_moment", "_views"}
    reached = [
        f"{path}:{node.attr}"
        for path, tree in TREES.items()
        if path.parts[0] in ("decide", "insight", "cards")
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in behind
    ]

    assert not reached


def test_every_module_has_a_docstring() -> None:
    assert not [path for path, tree in TREES.items() if not ast.get_docstring(tree)]


def test_errors_carry_advice() -> None:
    assert str(VisavisError("No.", advice="Ask.")) == "No. Ask."


def test_the_files_that_others_look_for_are_there() -> None:
    sought = ("CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "SECURITY.md", "docs/glossary.md", "src/visavis/py.typed")

    assert not [path for path in sought if not (ROOT / path).is_file()]


def test_the_files_that_the_pages_name_are_there() -> None:
    """Links in Markdown, and the modules of the package that README, CONTRIBUTING and docs name."""
    lost = []
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        text = page.read_text()
        links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
        lost += [f"{page.name}: {link}" for link in links if not (page.parent / link).exists()]
        if "decisions" not in page.parts:  # a decision names the files of its day
            files = set(re.findall(r"`((?:\w+/)+(?!NAME)\w+\.(?:py|toml|md)|(?:tests|docs|benchmarks)/[\w/.]+)`", text))
            roots = (ROOT, SOURCE, page.parent, ROOT / "examples" / "grocery")
            lost += [
                f"{page.name}: {file}" for file in files - EXAMPLES if not any((root / file).exists() for root in roots)
            ]

    assert not lost


def test_no_page_names_a_path_of_one_machine() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]

    assert not [page for page in pages if re.search(r"/(home|work|root|Users)/", page.read_text())]
