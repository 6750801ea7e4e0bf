"""P1, §11: rules, learned models and cards reach a customer only by views: by types, import contract and syntax."""

import ast
import tomllib
from pathlib import Path

import grimp
import pytest

from support.people import ROOT

SOURCE = ROOT / "src" / "visavis"
JUDGES = ("insight", "decide", "cards")
SECRET = {"_customer", "_moment", "_views", "_now"}
BY_NAME = {"getattr", "setattr", "vars", "eval", "exec", "__import__", "import_module", "attrgetter", "globals"}


def check(room: Path, source: str) -> list[str]:
    """What this source may not use: a customer's type or modules, the inside of views, names made at run time."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.ImportFrom(module=str(module)) if module == "visavis.model.customer" or module.startswith(
                ("visavis.customers", "visavis.rights", "visavis.store")
            ):
                found += [f"{module}.{alias.name}" for alias in node.names]
            case ast.Import():
                found += [
                    one.name
                    for one in node.names
                    if one.name.startswith(
                        ("visavis.customers", "visavis.model.customer", "visavis.rights", "visavis.store", "importlib")
                    )
                ]
            case ast.Attribute(attr=name) if name in SECRET or name in ("__dict__", "__slots__", "__getattribute__"):
                found.append(name)
            case ast.Call(func=ast.Name(id=name), args=[_, ast.Constant(value=str()), *_]) if name in BY_NAME:
                found.append(name)
            case ast.Call(func=ast.Name(id=name)) if name in BY_NAME - {"getattr"}:
                found.append(name)
            case ast.Attribute(value=ast.Name(id="views") | ast.Attribute(attr="views"), attr=name) if name not in (
                "for_purpose",
                "service",
                "devices",
                "id",
                "randomization_unit",
                "received_s",
            ):
                found.append(f"views.{name}")
            case _:
                pass
    return found


@pytest.mark.parametrize("room", JUDGES)
def test_what_judges_reaches_only_views(room: str) -> None:
    for path in sorted((SOURCE / room).glob("*.py")):
        assert not check(path, path.read_text()), path.name


@pytest.mark.parametrize(
    "mutant",
    [
        "from visavis.model.customer import Customer",
        "from visavis.customers.fold import fold",
        "import visavis.customers.fold",
        "x = views._customer",
        "x = views.customer",
        "x = self.views.customer",
        "x = getattr(views, '_customer')",
        "from visavis.store.keys import KeyStore",
        "x = vars(views)",
        "import importlib",
        "x = views.__dict__",
    ],
)
def test_a_judge_that_reaches_further_is_caught(mutant: str) -> None:
    assert check(SOURCE / "decide" / "deliberation.py", mutant)


def test_a_view_has_no_way_back_to_its_customer() -> None:
    from visavis.consent.gate import view
    from visavis.model.customer import Customer
    from visavis.model.view import View

    hints = {name: str(kind) for name, kind in View.__annotations__.items()}
    assert not [name for name, kind in hints.items() if "Customer" in kind]
    assert view.__annotations__["return"] is View
    assert Customer.__struct_fields__  # the type exists, and no judge imports it


def test_the_import_contract_says_the_same() -> None:
    graph = grimp.build_graph("visavis", cache_dir=None)
    contract = next(
        one
        for one in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
        if one["name"].startswith("Views")
    )
    assert set(contract["source_modules"]) == {f"visavis.{room}" for room in JUDGES}
    assert set(contract["forbidden_modules"]) == {"visavis.model.customer", "visavis.customers"}
    for room in JUDGES:
        imported = set[str]().union(
            *[graph.find_modules_directly_imported_by(one) for one in graph.find_descendants(f"visavis.{room}")]
        )
        assert not {
            one
            for one in imported
            if one == "visavis.model.customer"
            or one.startswith(("visavis.customers", "visavis.rights", "visavis.store"))
        }
