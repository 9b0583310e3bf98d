"""Ask the tutorial's model what somebody does who takes so many steps a minute.

DAPR_HTTP_PORT says which sidecar to call, as Dapr tells every app.
"""

import argparse
import json
import time
from typing import Any

from dapr.clients import DaprClient

GAITS = ("walk", "jog", "run")


def ask(mesh: DaprClient, cadence: float) -> dict[str, Any]:
    """Return what classify answers."""
    answer = mesh.invoke_method(
        "classify",
        "models/gait/predict",
        data=json.dumps({"inputs": {"cadence": [[cadence]]}}),
        content_type="application/json",
        http_verb="POST",
        timeout=10,
    )
    told: dict[str, Any] = json.loads(answer.data)
    return told


def say(told: dict[str, Any]) -> str:
    """Print the likeliest gait and return the version that answered."""
    (probabilities,) = told["outputs"]["probabilities"]
    probability, gait = max(zip(probabilities, GAITS, strict=True))
    version = str(told["version"])
    print(f"version {version}: {gait}, p = {probability:.2f}", flush=True)
    return version


def main(cadence: float, until: str | None) -> None:
    """Ask once, or again and again until the version that is waited for answers."""
    with DaprClient() as mesh:
        version = say(ask(mesh, cadence))
        while until and version != until:
            time.sleep(0.05)
            told = ask(mesh, cadence)
            if told["version"] != version:
                version = say(told)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Ask the tutorial's model.")
    parser.add_argument("cadence", type=float, help="steps a minute")
    parser.add_argument("--until", metavar="VERSION", help="ask until this version answers")
    options = parser.parse_args()
    main(options.cadence, options.until)
