#!/usr/bin/env bash
# A caller with curl: points to pca and a picture to classify, through the HTTP API of any sidecar.
set -euo pipefail

points=${1:?usage: call.sh ../points/iris.csv ../../services/classify/samples/digit-7.png}
picture=${2:?the picture is missing}
mesh=http://127.0.0.1:${DAPR_HTTP_PORT:-3501}/v1.0/invoke

# Over HTTP the sidecar retries nothing that an app answers: curl does, for 503 and its like.
call() { curl --silent --show-error --fail-with-body --retry 5 "$@"; }

plot=$(mktemp)
trap 'rm -f "$plot"' EXIT
type=$(call -H 'content-type: text/csv' --data-binary "@$points" --output "$plot" \
  --write-out '%{content_type}' "$mesh/pca/method/plot")
echo "plot: $type, $(wc -c <"$plot") bytes"

# The answer's form follows Accept: JSON unless asked otherwise.
call -H 'content-type: image/png' -H 'accept: text/plain' --data-binary "@$picture" \
  "$mesh/classify/method/classify"
echo
