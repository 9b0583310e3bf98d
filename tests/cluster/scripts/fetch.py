"""Sends standard input, if any, to a host and path; prints the status and the answer as JSON."""

import json
import sys
import urllib.error
import urllib.request

try:
    with urllib.request.urlopen(
        f"http://{sys.argv[1]}", sys.stdin.buffer.read() or None, 10.0
    ) as answer:
        code, body = answer.status, answer.read()
except urllib.error.HTTPError as error:
    code, body = error.code, error.read()
print(json.dumps({"code": str(code), "text": body.decode()}))
