"""How large a gRPC message may be."""

MESSAGE_OVERHEAD = 1024 * 1024
"""Maximum size of a message besides its value: keys, metadata, protobuf encoding."""


def message_options(size: int) -> list[tuple[str, int]]:
    """Return the gRPC options that let messages of `size` bytes through, both ways."""
    return [("grpc.max_receive_message_length", size), ("grpc.max_send_message_length", size)]
