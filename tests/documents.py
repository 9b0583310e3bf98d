"""The blocks of code in the project's documents, and the tests that run them.

A comment in a document, which readers do not see, names the test that runs the block after it:

    <!-- run by: tests/integration/test_demo.py::test_the_demo -->

`every block run by:` names the test for all blocks after it that have no comment of their own, and
`checked by:` one that reads a block but cannot run it as it is, because it needs the network.
"""

import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parent.parent
# What is shown or copied into a file; everything else is to be executed.
DATA = {"json", "text", "yaml"}
_COMMENT = re.compile(r"<!-- (every block )?(?:run|checked) by: (\S+) -->")


@dataclass(frozen=True)
class Block:
    """A block of code in a document.

    Attributes:
        document: its path in the repository.
        line: where the block begins, counted from 1.
        language: the first word after the fence; empty if there is none.
        fenced: whether it has fences; else it is merely indented.
        text: the code.
        test: what a comment names; empty if there is none.
    """

    document: str
    line: int
    language: str
    fenced: bool
    text: str
    test: str

    @property
    def place(self) -> str:
        """Where it is, for messages."""
        return f"{self.document}:{self.line}"


@cache
def blocks() -> tuple[Block, ...]:
    """Every block of every document in the repository, in order."""
    listed = subprocess.run(
        ["/usr/bin/env", "git", "ls-files", "-z", "*.md"], cwd=ROOT, capture_output=True, check=True
    )
    paths = sorted(filter(None, listed.stdout.decode().split("\0")))
    return tuple(block for path in paths for block in read_blocks(path, (ROOT / path).read_text()))


def read_blocks(document: str, text: str) -> list[Block]:
    """The blocks of one document."""
    found = []
    for_all = for_next = ""
    for token in MarkdownIt("commonmark").parse(text):
        if token.type == "html_block":
            for every, test in _COMMENT.findall(token.content):
                if every:
                    for_all = test
                else:
                    for_next = test
        elif token.type in {"fence", "code_block"}:
            assert token.map is not None
            language = token.info.split(" ")[0]
            test = for_next or for_all
            fenced = token.type == "fence"
            line = token.map[0] + 1
            found.append(Block(document, line, language, fenced, token.content, test))
            for_next = ""
    return found


def block(document: str, containing: str) -> str:
    """The text of the only block of a document that contains this."""
    (found,) = (it for it in blocks() if it.document == document and containing in it.text)
    return found.text


def table(document: str, title: str) -> list[dict[str, str]]:
    """The rows of the table in the section of a document that has this title, by column."""
    section = (ROOT / document).read_text().partition(f"## {title}\n")[2].partition("\n## ")[0]
    lines = [line.strip("| ").split(" | ") for line in section.split("\n") if line[:1] == "|"]
    head, _, *rows = lines
    return [dict(zip(head, row, strict=True)) for row in rows]
