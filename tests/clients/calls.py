"""Makes the calls that a test writes to standard input, a line of JSON each.

A line has `model`, `input`, `output` (names), `tensor` (float32, nested lists) and where to call:
`url` (without a scheme), `headers` (metadata of a call by gRPC), and for clients by HTTP `base` (a
URL with its scheme), `basic` (user and password, or null) and `binary`, whether the tensors are.

The answer to a line is another one: `output`, the bytes of the values in hexadecimal, or what the
client has raised: `exception` (its class), `status` and `text`.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray


def make_calls(
    infer: Callable[[dict[str, Any], NDArray[np.float32]], NDArray[Any]],
    read: Callable[[Any], tuple[object, object]],
) -> None:
    """Make calls until the input ends.

    Args:
        infer: makes the call of a line with its tensor and returns the values of the output.
        read: returns the status and the text of what it raises.
    """
    for line in sys.stdin:
        call = json.loads(line)
        try:
            values = infer(call, np.array(call["tensor"], np.float32))
        except Exception as error:  # noqa: BLE001 - which one it is, the test wants to know
            status, text = read(error)
            kind = f"{type(error).__module__}.{type(error).__qualname__}"
            seen = {"exception": kind, "status": status, "text": text}
        else:
            seen = {"output": values.astype(np.float32).tobytes().hex()}
        sys.stdout.write(json.dumps(seen) + "\n")
        sys.stdout.flush()
