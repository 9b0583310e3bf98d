# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = ["schemathesis==4.32.5"]
# ///
"""Schemathesis: calls what an OpenAPI document describes, rightly and wrongly, by its arguments."""

from schemathesis.cli import schemathesis

if __name__ == "__main__":
    schemathesis()
