"""The end of handshakes: a listening socket that takes no new one, but ends those that have begun.

A kernel resets the connections that wait to be accepted when their listening socket is closed.
Their callers may have sent a request by then, and cannot know whether it was at work. So nothing
may come between the last accept and the close. Linux has no call for that, but it lets a program
filter what reaches its socket: without a first packet (SYN) there is no new connection. A client
sends that packet again after a second, and is refused, as by a port where nothing listens.
"""

import ctypes
import socket
import struct
import sys

# Seconds for the last packet of handshakes that have begun: more than a way through a network.
HANDSHAKE_REST_SECONDS = 0.05

# asm-generic/socket.h; the module socket does not name it.
_SO_ATTACH_FILTER = 26
# Of a TCP header: the place of its flags, and the flag of a first packet.
_FLAGS, _SYN = 13, 0x02
# linux/bpf_common.h: code, where to go on if true and if false, and a value.
_DROP_FIRST_PACKETS = (
    (0x30, 0, 0, _FLAGS),  # load that byte
    (0x45, 0, 1, _SYN),  # with the flag: the next line, else the one behind it
    (0x06, 0, 0, 0),  # take nothing of the packet
    (0x06, 0, 0, 0xFFFFFFFF),  # take all of it
)


def stop_handshakes(listening: socket.socket) -> bool:
    """Let no new connection begin on a listening socket; return False where that cannot be had."""
    if sys.platform != "linux":
        return False
    code = b"".join(struct.pack("@HBBI", *line) for line in _DROP_FIRST_PACKETS)
    program = ctypes.create_string_buffer(code, len(code))
    described = struct.pack("@HP", len(_DROP_FIRST_PACKETS), ctypes.addressof(program))
    try:
        listening.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, described)
    except OSError:
        # Some kernels of sandboxes have no filters.
        return False
    return True
