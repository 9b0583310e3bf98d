"""Whether a sidecar is there at all: it tells one that is missing from one that fails."""

import socket

import grpc

# Long enough for a sidecar on this host to answer.
_SECONDS = 0.2


def answers(channel: grpc.Channel) -> bool:
    """Return whether something answers at the other end of a channel; it takes up to 0.2 s."""
    ready = grpc.channel_ready_future(channel)
    try:
        ready.result(_SECONDS)
    except grpc.FutureTimeoutError:
        return False
    finally:
        ready.cancel()
    return True


def listens(port: int) -> bool:
    """Return whether something listens at a port of this host; cheaper than `answers`."""
    try:
        with socket.create_connection(("127.0.0.1", port), _SECONDS):
            return True
    except OSError:
        return False
