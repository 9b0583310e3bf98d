"""What differs between our messages and those of a package of clients, in the same process.

Each difference is a line: a message, an enum or a call of ours that the package lacks or has
otherwise, or a field that only the package has.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any

from google.protobuf import descriptor_pb2

from meshlens.protocols.wire.pool import load_pool

OURS = ("inference", "model_repository", "tensorflow", "tensorflow_error", "tfserving")
Names = dict[str, Any]


def collect(file: Any, found: Names) -> None:  # noqa: ANN401 - descriptors of either pool
    """Add what a file, and what it imports, define."""
    if file.name in found or file.name.startswith("google/"):
        return
    for imported in file.dependencies:
        collect(imported, found)
    plain = descriptor_pb2.FileDescriptorProto()
    file.CopyToProto(plain)
    found[file.name] = None
    for enum in plain.enum_type:
        found[f"{plain.package}.{enum.name}"] = {value.name: value.number for value in enum.value}
    for message in plain.message_type:
        collect_message(f"{plain.package}.{message.name}", message, found)
    for service in plain.service:
        for call in service.method:
            found[f"{plain.package}.{service.name}/{call.name}"] = {
                "request": call.input_type,
                "response": call.output_type,
                "streams": (call.client_streaming, call.server_streaming),
            }


def collect_message(name: str, message: Any, found: Names) -> None:  # noqa: ANN401 - see above
    """Add a message and what is defined in it."""
    oneofs = [oneof.name for oneof in message.oneof_decl]
    found[name] = {
        field.name: (
            field.number,
            field.type,
            field.label,
            field.type_name,
            # A message of one optional field is the same on the wire.
            oneofs[field.oneof_index]
            if field.HasField("oneof_index") and not field.proto3_optional
            else "",
            # Generated modules carry only those that are not what the name gives.
            field.json_name if field.json_name == field.name and "_" in field.name else "",
        )
        for field in message.field
    }
    for enum in message.enum_type:
        found[f"{name}.{enum.name}"] = {value.name: value.number for value in enum.value}
    for nested in message.nested_type:
        collect_message(f"{name}.{nested.name}", nested, found)


def compare(ours: Names, theirs: Names) -> Iterator[str]:
    """Return each difference in a line."""
    for name, parts in ours.items():
        if parts is None:
            continue
        if theirs.get(name) is None:
            yield f"{name}: only ours"
            continue
        for part in sorted(parts.keys() | theirs[name].keys()):
            mine, their = parts.get(part), theirs[name].get(part)
            if mine is None:
                yield f"{name}.{part}: only theirs"
            elif their is None:
                yield f"{name}.{part}: only ours"
            elif mine != their:
                yield f"{name}.{part}: {mine} is {their}"


def print_differences(*modules: Any) -> None:  # noqa: ANN401 - modules of generated messages
    """Print each difference to what `modules`, and the files that they import, define."""
    ours: Names = {}
    for name in OURS:
        collect(load_pool().FindFileByName(f"meshlens/protocols/wire/{name}.proto"), ours)
    theirs: Names = {}
    for module in modules:
        collect(module.DESCRIPTOR, theirs)
    packages = {name.rpartition(".")[0] for name in theirs if theirs[name] is not None}
    wanted = {
        name: parts
        for name, parts in ours.items()
        if any(name.startswith(f"{package}.") for package in packages)
    }
    json.dump(sorted(compare(wanted, theirs)), sys.stdout)
