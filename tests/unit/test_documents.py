"""Every block of commands in every document is run by a test, which the document names."""

import ast
import re
import tomllib
from pathlib import Path

from documents import DATA, ROOT, Block, blocks, read_blocks

COMMANDS = [block for block in blocks() if block.language not in DATA]


def find_tests(module: str) -> set[str]:
    tree = ast.parse((ROOT / module).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_block_of_commands_names_the_test_that_runs_it() -> None:
    missing = [block.place for block in COMMANDS if not block.test]
    assert not missing, "put <!-- run by: tests/...py::test_... --> before each; see documents.py"


def test_the_tests_that_documents_name_are_there_and_read_the_document() -> None:
    named = {(block.document, block.test) for block in blocks() if block.test}
    assert len(named) > 10
    for document, test in named:
        module, _, name = test.partition("::")
        assert name in find_tests(module), f"{document} names {test}"
        if ROOT / module != Path(__file__):  # which reads them all
            assert Path(document).name in (ROOT / module).read_text(), f"{module} reads {document}"


def test_code_stands_between_fences_so_that_none_is_overlooked() -> None:
    assert [block.place for block in blocks() if not block.fenced] == []


def test_a_comment_is_for_the_next_block_or_for_all_that_have_none() -> None:
    text = """
<!-- every block run by: a.py::all -->
<!-- run by: a.py::one -->
Text.
```sh
one
```

```text terminal-2
two
```
- in a list:
  ```
  three
  ```

        four
"""
    assert read_blocks("a.md", text) == [
        Block("a.md", 5, "sh", fenced=True, text="one\n", test="a.py::one"),
        Block("a.md", 9, "text", fenced=True, text="two\n", test="a.py::all"),
        Block("a.md", 13, "", fenced=True, text="three\n", test="a.py::all"),
        Block("a.md", 17, "", fenced=False, text="  four\n", test="a.py::all"),
    ]


def test_the_targets_that_documents_name_are_there() -> None:
    """Those of CONTRIBUTING.md among them, of which `make all` is what CI runs."""
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    lines = [line for block in COMMANDS for line in block.text.splitlines()]
    named = {found[1] for line in lines if (found := re.match(r"make ([a-z-]+)", line))}
    assert {"all", "demo", "run", "setup", "test"} <= named <= targets
    for path in re.findall(r"pytest (\S+)", "\n".join(lines)):
        assert (ROOT / path).is_file()


def test_the_installs_that_documents_name_can_be_had() -> None:
    """Their folders are distributions with these extras; test_wheels installs their wheels."""
    text = "\n".join(block.text for block in COMMANDS)
    named = re.findall(r"'?\./((?:libs|services)/\w+)(?:\[([\w,]+)\])?'?", text)
    assert len(named) > 5
    for folder, extras in named:
        project = tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"]
        offered = project.get("optional-dependencies", {}).keys()
        assert set(filter(None, extras.split(","))) <= offered, folder


def test_the_blocks_of_kubernetes_that_a_cluster_runs_are_those_with_the_mark() -> None:
    """The reader of docs/kubernetes.md sees the mark; the test on a cluster looks for it."""
    text = (ROOT / "docs/kubernetes.md").read_text()
    marked = re.findall(r"^▸\n```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    walkthrough = [block for block in COMMANDS if "test_walkthrough.py" in block.test]
    assert [block.text for block in walkthrough] == marked
