"""The descriptor pool that is ours alone, and the classes of what it describes."""

from functools import cache
from importlib.resources import files
from typing import Any

from google.protobuf import descriptor, descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.internal import enum_type_wrapper

_FOLDER = "meshlens/protocols/wire"


@cache
def load_pool() -> descriptor_pool.DescriptorPool:
    """Return the pool with all of our files."""
    pool = descriptor_pool.DescriptorPool()
    for file in _compiled().file:
        pool.Add(file)
    return pool


@cache
def _compiled() -> descriptor_pb2.FileDescriptorSet:
    data = files("meshlens.protocols.wire").joinpath("messages.binpb").read_bytes()
    return descriptor_pb2.FileDescriptorSet.FromString(data)


def find_services(package: str = "") -> list[descriptor.ServiceDescriptor]:
    """Return the gRPC services of our files, or those of a package and the packages in it."""
    return [
        service
        for path in _compiled().file
        for service in load_pool().FindFileByName(path.name).services_by_name.values()
        if not package or service.full_name.startswith(f"{package}.")
    ]


def define(name: str) -> dict[str, Any]:
    """Return what the module of `<name>.proto` consists of: classes of messages, and enums."""
    file = load_pool().FindFileByName(f"{_FOLDER}/{name}.proto")
    definitions: dict[str, Any] = {"DESCRIPTOR": file}
    for message in file.message_types_by_name.values():
        definitions[message.name] = message_factory.GetMessageClass(message)
    for enum in file.enum_types_by_name.values():
        definitions[enum.name] = enum_type_wrapper.EnumTypeWrapper(enum)
        definitions |= {value.name: value.number for value in enum.values}
    return definitions
