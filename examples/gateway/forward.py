"""Forwards an event of a function platform to an app as it is, and returns the app's answer.

`handler` is what a platform calls: deploy this file with a Dapr sidecar beside it. Here it reads
the event from a file and prints what the platform would get; it needs no package.

    forward.py [--app pca] EVENT.json

The app answers the event of an HTTP gateway in the shape that the gateway reads. A queue's event
(Amazon SQS) is a list of messages, each of which is an event here, and has an answer each.
"""

import argparse
import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

SIDECAR = f"http://127.0.0.1:{os.environ.get('DAPR_HTTP_PORT', '3501')}"
APP = os.environ.get("FORWARD_TO", "pca")


def handler(event: dict[str, Any], _context: object = None, app: str = APP) -> Any:  # noqa: ANN401 - what the platform reads
    """Return the app's answer to an event, or the answers to the messages of a queue."""
    if "Records" in event:
        return [forward(record["body"].encode(), app) for record in event["Records"]]
    return forward(json.dumps(event).encode(), app)


def forward(event: bytes, app: str) -> Any:  # noqa: ANN401 - what the platform reads
    """Return the app's answer to one event."""
    request = urllib.request.Request(  # noqa: S310 - the sidecar's address is no user's input
        f"{SIDECAR}/v1.0/invoke/{app}/method/gateway",
        data=event,
        headers={"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - as above
        return json.load(answer)


def main() -> None:
    """Forward the event in a file, and print each answer in a line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("event", type=Path, help="file with an event in JSON")
    parser.add_argument("--app", default=APP, help="app to send it to (default: pca)")
    arguments = parser.parse_args()
    event = json.loads(arguments.event.read_bytes())
    try:
        answers = handler(event, app=arguments.app)
    except urllib.error.HTTPError as error:  # the app knows no such event, or is not there
        sys.exit(error.read().decode())
    except urllib.error.URLError as error:
        sys.exit(f"{SIDECAR}: {error.reason}; start the mesh: make run")
    for answer in answers if isinstance(answers, list) else [answers]:
        content_type = answer["headers"]["content-type"]
        print(answer["statusCode"], content_type, f"{len(answer['body'])} characters")


if __name__ == "__main__":
    main()
