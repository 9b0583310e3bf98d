"""Compiles the .proto files of meshlens.protocols.wire; `make protos` and the test of drift do."""

import shutil
import sys
import tempfile
from pathlib import Path

from grpc_tools import protoc

SOURCE = Path(__file__).parents[1] / "libs/daprkit/src"
WIRE = "meshlens/protocols/wire"
# Our pool needs google.protobuf's own files as well; the compiler's package has them.
GOOGLE = Path(protoc.__file__).parent / "_proto"


def compile_protos(folder: Path) -> None:
    """Write messages.binpb, and a stub for each file that has messages, to `folder`.

    Raises:
        ValueError: a file is wrong; the compiler has said where.
    """
    names = sorted(str(path.relative_to(SOURCE)) for path in (SOURCE / WIRE).glob("*.proto"))
    with tempfile.TemporaryDirectory() as temporary:
        failed = protoc.main(
            [
                "protoc",
                f"-I{SOURCE}",
                f"-I{GOOGLE}",
                "--include_imports",
                f"--descriptor_set_out={folder / 'messages.binpb'}",
                f"--pyi_out={temporary}",
                *names,
            ]
        )
        if failed:
            raise ValueError("the .proto files do not compile")
        for stub in sorted((Path(temporary) / WIRE).glob("*.pyi")):
            # A file with a service alone has no module.
            if (SOURCE / WIRE / stub.name).with_suffix(".py").exists():
                shutil.copyfile(stub, folder / stub.name)


if __name__ == "__main__":
    try:
        compile_protos(SOURCE / WIRE)
    except ValueError as error:
        sys.exit(str(error))
