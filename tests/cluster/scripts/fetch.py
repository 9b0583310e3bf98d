"""Sends requests one after the other, each on a connection of its own, as any client of HTTP does.

Each line of standard input is a request as JSON: url, headers, body (base64; empty to GET). Each
line of standard output is its answer as JSON: code and text; without an answer, the error's name
and message. The first argument, if any, is the PEM text of the only authority to trust.
"""

import base64
import json
import ssl
import sys
import urllib.error
import urllib.request

_SECONDS = 30.0


def fetch(line: str, context: ssl.SSLContext) -> tuple[str, str]:
    """Send one request; return the status and the body."""
    sent = json.loads(line)
    body = base64.b64decode(sent["body"]) or None
    request = urllib.request.Request(sent["url"], body, sent["headers"])  # noqa: S310 - a test chose it
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS, context=context) as answer:  # noqa: S310 - see above
            return str(answer.status), answer.read().decode()
    except urllib.error.HTTPError as error:
        return str(error.code), error.read().decode()
    except urllib.error.URLError as error:
        return type(error.reason).__name__, str(error.reason)


def main() -> None:
    """Send the requests given on standard input, one per line."""
    context = ssl.create_default_context(cadata=sys.argv[1] if sys.argv[1:] else None)
    for line in sys.stdin:
        code, text = fetch(line, context)
        print(json.dumps({"code": code, "text": text}))


main()
