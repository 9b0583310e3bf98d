"""Contracts for import-linter that say in a line what its own say in ten.

    [importlinter:contract:floors]
    type = floors
    packages =
        shop: orders | bills > stock : prices > errors

Each line is a contract of layers, exhaustive, for one package: `>` stands between a floor and the
one below it. What `|` separates may not import each other, what `:` separates may.

    [importlinter:contract:outside]
    type = outside
    allowed =
        shop: numpy
        shop.orders, shop.bills: kit.errors, httpx

Each line allows packages, with all below them, third parties and packages of other distributions
of the same namespace; `*` stands for any third party. An import that no line allows breaks the
contract, so nobody keeps a list of what is forbidden; so does a permission that is not used. The
standard library is free.
"""

import sys
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output
from importlinter.contracts.layers import LayersContract


class Floors(Contract):
    """In each package imports go down its floors, and every module stands on one."""

    type_name = "floors"
    packages = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: FBT001 - as import-linter calls it
        """Check the layers of each package."""
        checks = [(layers, layers.check(graph, verbose)) for layers in self._layers()]
        broken = [(layers, check) for layers, check in checks if not check.kept]
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print what import-linter says of each package whose contract is broken."""
        for layers, broken in check.metadata["broken"]:
            layers.render_broken_contract(broken)

    def _layers(self) -> list[LayersContract]:
        contracts = []
        for package, floors in _parse(self.packages):
            options: dict[str, Any] = {
                "containers": [package],
                "exhaustive": "True",
                "layers": floors.split(" > "),
            }
            contracts.append(LayersContract(package, self.session_options, options))
        return contracts


class Outside(Contract):
    """Every direct import from outside the importer's distribution is on the list, and no other."""

    type_name = "outside"
    allowed = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002, FBT001 - as import-linter calls it
        """Compare the imports with the list, both ways."""
        permissions = {
            (importer.strip(), imported.strip())
            for importers, importeds in _parse(self.allowed)
            for importer in importers.split(",")
            for imported in importeds.split(",")
        }
        allowing = {
            (importer, imported): {
                (package, outside)
                for package, outside in permissions
                if _holds(package, importer) and _allows(outside, imported)
            }
            for importer, imported in _outside(graph)
        }
        illegal = sorted(pair for pair, found in allowing.items() if not found)
        unused = sorted(permissions.difference(*allowing.values()))
        facts = {"illegal": illegal, "unused": unused}
        return ContractCheck(kept=not illegal and not unused, metadata=facts)

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print each import that no line allows, and each permission that is not used."""
        for importer, imported in check.metadata["illegal"]:
            output.print_error(f"{importer} is not allowed to import {imported}", bold=False)
        for package, outside in check.metadata["unused"]:
            text = f"{package} does not import {outside}: remove the permission"
            output.print_error(text, bold=False)
        output.new_line()


def _parse(lines: Any) -> list[tuple[str, str]]:  # noqa: ANN401 - import-linter puts the list where the class has a field
    """Return what stands before and after the colon of each line."""
    parts = [line.partition(": ") for line in lines]
    return [(before, after) for before, _, after in parts]


def _outside(graph: ImportGraph) -> list[tuple[str, str]]:
    """Return the direct imports that leave a distribution, but for the standard library's."""
    return [
        (importer, imported)
        for importer in graph.modules
        if not graph.is_module_squashed(importer)
        for imported in graph.find_modules_directly_imported_by(importer)
        if _distribution(imported) != _distribution(importer)
        and imported.split(".")[0] not in sys.stdlib_module_names
    ]


def _distribution(module: str) -> list[str]:
    """Return the first two names of a module: the namespace, and the distribution's part of it."""
    return module.split(".")[:2]


def _allows(outside: str, module: str) -> bool:
    """Whether a permission covers a module; third parties are in the graph by their first names."""
    return "." not in module if outside == "*" else _holds(outside, module)


def _holds(package: str, module: str) -> bool:
    return module == package or module.startswith(f"{package}.")
