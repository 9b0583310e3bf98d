"""Servers outside the cluster, at an address that its pods reach."""

import json
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from client_programs import CLIENTS, programs_of
from cluster.node import Node
from cluster.sandbox import ADDRESS, SandboxError
from processes import eventually

_PORT_OF_BUCKET = 9000
_PORT_OF_DATABASE = 5432


@contextmanager
def bucket(node: Node, name: str) -> Iterator[Mapping[str, str]]:
    """A bucket of S3, which refuses those without its key.

    Yields:
        Where it is and its key, as the environment of AWS's own programs.
    """
    python = programs_of("s3_bucket") / "python"
    script = CLIENTS / "s3_bucket.py"
    command: list[str | Path] = [python, script, ADDRESS, str(_PORT_OF_BUCKET), name]
    server = node.sandbox.start("bucket", command)
    try:

        def key() -> str:
            return next((line for line in server.log().splitlines() if line.startswith("{")), "")

        known = json.loads(eventually(key, "the bucket is there"))
        yield {
            "AWS_ENDPOINT_URL": f"http://{ADDRESS}:{_PORT_OF_BUCKET}",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": known["id"],
            "AWS_SECRET_ACCESS_KEY": known["secret"],
        }
    finally:
        server.kill()


@contextmanager
def postgresql(node: Node) -> Iterator[str]:
    """A server of PostgreSQL, which refuses those without its password; yields its address."""
    (programs, *_) = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    # PostgreSQL does not run as root, who runs the cluster.
    user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    password = secrets.token_hex()
    with tempfile.TemporaryDirectory(prefix="postgres-") as name:
        folder = Path(name)
        (folder / "password").write_text(password)
        for path in (folder, folder / "password"):
            shutil.chown(path, "postgres", "postgres")
        data = folder / "data"
        options = ["--no-sync", "--auth=scram-sha-256", f"--pwfile={folder / 'password'}"]
        own = ["--username=recorder", "--locale=C.UTF-8", f"--pgdata={data}"]
        node.sandbox.run([*user, programs / "initdb", *options, *own])
        with (data / "pg_hba.conf").open("a") as rules:
            rules.write("host all all all scram-sha-256\n")
        listen: list[str | Path] = [
            "-D",
            data,
            "-h",
            ADDRESS,
            "-p",
            str(_PORT_OF_DATABASE),
            "-k",
            folder,
        ]
        server = node.sandbox.start("postgresql", [*user, programs / "postgres", *listen])
        try:

            def ready() -> bool:
                with suppress(SandboxError):
                    node.sandbox.run([programs / "pg_isready", "-h", ADDRESS])
                    return True
                return False

            eventually(ready, "PostgreSQL takes connections")
            yield f"postgresql://recorder:{password}@{ADDRESS}:{_PORT_OF_DATABASE}/postgres"
        finally:
            server.kill()
