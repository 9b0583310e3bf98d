#!/usr/bin/env bash
# Calls pca with points and classify with a picture, using curl and the HTTP API of any sidecar.
set -euo pipefail

points=${1:?usage: call.sh ../points/iris.csv ../../services/classify/samples/coffee.jpg}
picture=${2:?the picture is missing}
mesh=http://127.0.0.1:${DAPR_HTTP_PORT:-3501}/v1.0/invoke

# Over HTTP the sidecar does not retry what an app answers, so curl does, for 503 and the like.
call() { curl --silent --show-error --fail-with-body --retry 5 "$@" || exit 1; }

plot=$(mktemp)
trap 'rm -f "$plot"' EXIT
type=$(call -H 'content-type: text/csv' --data-binary "@$points" --output "$plot" \
  --write-out '%{content_type}' "$mesh/pca/method/plot")
echo "plot: $type, $(wc -c <"$plot") bytes"

# The format of the answer follows Accept; the default is JSON.
call -H 'content-type: image/jpeg' -H 'accept: text/plain' --data-binary "@$picture" \
  "$mesh/classify/method/classify"
echo
