"""A Dapr app that answers `advise` with advice, for which it asks classify by name."""

import json
import os

from dapr.clients import DaprClient
from dapr.ext.grpc import App, InvokeMethodRequest, InvokeMethodResponse

ADVICE = (
    "You walk. Swing your arms, and you jog soon.",
    "You jog. Breathe through it.",
    "You run. Mind your knees.",
)

app = App()


@app.method("advise")  # type: ignore[untyped-decorator] # the SDK's decorator carries no types
def advise(request: InvokeMethodRequest) -> InvokeMethodResponse:
    """Answer the steps a minute in the body with a sentence."""
    body = json.dumps({"inputs": {"cadence": [[float(request.text())]]}})
    with DaprClient() as mesh:
        answer = mesh.invoke_method(
            "classify", "models/gait/predict", body, "application/json", http_verb="POST"
        )
    (probabilities,) = json.loads(answer.data)["outputs"]["probabilities"]
    return InvokeMethodResponse(ADVICE[probabilities.index(max(probabilities))], "text/plain")


if __name__ == "__main__":
    app.run(int(os.environ["APP_PORT"]))
