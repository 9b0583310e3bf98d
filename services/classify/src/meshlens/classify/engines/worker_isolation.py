"""What a worker process can no longer do to others, however its models behave.

A model is a program. From here on this process opens no connection: neither to the network, nor to
the sidecar, nor to a socket in the file system; it reads no other process's memory, and no program
that it starts has more rights. The kernel refuses by a filter of system calls (seccomp), which
needs no privilege, and which holds for all threads, until the process ends.
"""

import ctypes
import errno
import platform
import struct
import sys
from collections.abc import Mapping
from dataclasses import dataclass

_SET_NO_NEW_PRIVILEGES = 38
_SET_FILTER, _ALL_THREADS = 1, 1
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EACCES
# Instructions of the classic BPF: load a word, compare, return.
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
# Where the kernel puts the number, the architecture, and the low half of the first argument.
_NUMBER, _ARCHITECTURE, _FIRST = 0, 4, 16
_UNIX = 1
# Numbers from here on are of x86-64's other ABI, x32.
_OTHER_ABI = 0x40000000


@dataclass(frozen=True, slots=True)
class _Calls:
    """The system calls of an architecture, by number.

    Attributes:
        architecture: AUDIT_ARCH of the kernel.
        seccomp: sets the filter.
        socket: makes a socket; only those of this host's files pass.
        refused: connect, ptrace, process_vm_readv, process_vm_writev, pidfd_getfd, and
            io_uring_setup, whose rings do all that unseen.
    """

    architecture: int
    seccomp: int
    socket: int
    refused: tuple[int, ...]


_CALLS: Mapping[str, _Calls] = {
    "x86_64": _Calls(0xC000003E, 317, 41, (42, 101, 310, 311, 438, 425)),
    "aarch64": _Calls(0xC00000B7, 277, 198, (203, 117, 270, 271, 438, 425)),
}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def isolate() -> str:
    """Isolate this process; return why the kernel cannot, empty if it does."""
    calls = _CALLS.get(platform.machine())
    if sys.platform != "linux" or calls is None:
        return f"no filter is known for {sys.platform} on {platform.machine()}"
    kernel = ctypes.CDLL(None, use_errno=True)
    if kernel.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        return _explain("prctl")
    code = _assemble(calls)
    held = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.addressof(held))
    if kernel.syscall(calls.seccomp, _SET_FILTER, _ALL_THREADS, ctypes.byref(program)):
        return _explain("seccomp")
    return ""


def _explain(call: str) -> str:
    number = ctypes.get_errno()
    return f"{call} fails with {errno.errorcode.get(number, number)}"


def _assemble(calls: _Calls) -> bytes:
    """Return the filter; `skip` counts instructions, from the next one on."""
    refused = [
        _compare(_EQUAL, number, skip=0, otherwise=1) + _end(_REFUSE) for number in calls.refused
    ]
    return b"".join(
        (
            _load(_ARCHITECTURE),
            _compare(_EQUAL, calls.architecture, skip=1, otherwise=0),
            _end(_REFUSE),
            _load(_NUMBER),
            _compare(_AT_LEAST, _OTHER_ABI, skip=0, otherwise=1),
            _end(_REFUSE),
            *refused,
            _compare(_EQUAL, calls.socket, skip=1, otherwise=0),
            _end(_ALLOW),
            _load(_FIRST),
            _compare(_EQUAL, _UNIX, skip=1, otherwise=0),
            _end(_REFUSE),
            _end(_ALLOW),
        )
    )


def _load(offset: int) -> bytes:
    return struct.pack("=HBBI", _LOAD, 0, 0, offset)


def _compare(how: int, value: int, *, skip: int, otherwise: int) -> bytes:
    return struct.pack("=HBBI", how, skip, otherwise, value)


def _end(verdict: int) -> bytes:
    return struct.pack("=HBBI", _RETURN, 0, 0, verdict)
