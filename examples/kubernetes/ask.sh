#!/bin/sh
# ask.sh APP METHOD <BODY: calls a method of the newest replica of an app through the replica's own sidecar, and prints
# the answer. Without a body: GET, such as `ask.sh classify models </dev/null`. Callers elsewhere may reach the replica
# before it for 50 s more.
set -eu
app=$1 method=$2
pod=$(kubectl -n meshlens get pods --selector="app.kubernetes.io/name=$app" --sort-by=.metadata.creationTimestamp \
  --output=name | tail -n 1)
exec kubectl -n meshlens exec -i "$pod" --container="$app" -- python -c '
import sys
from urllib.error import HTTPError
from urllib.request import Request, urlopen

app, method = sys.argv[1:]
url = f"http://127.0.0.1:3500/v1.0/invoke/{app}/method/{method}"
headers = {"content-type": "application/octet-stream"}
try:
    with urlopen(Request(url, sys.stdin.buffer.read() or None, headers), timeout=30) as answer:
        sys.stdout.write(answer.read().decode())
except HTTPError as error:
    sys.exit(f"{error.code}: {error.read().decode()}")
' "$app" "$method"
