"""A Dapr app with one method, `advise`, which calls classify by name."""

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
    """Return advice for the cadence in the body, in steps per minute."""
    body = json.dumps({"inputs": {"cadence": [[float(request.text())]]}})
    with DaprClient() as mesh:
        answer = mesh.invoke_method(
            "classify", "models/gait/predict", body, "application/json", http_verb="POST"
        )
    (probabilities,) = json.loads(answer.data)["outputs"]["probabilities"]
    return InvokeMethodResponse(ADVICE[probabilities.index(max(probabilities))], "text/plain")


if __name__ == "__main__":
    app.run(int(os.environ["APP_PORT"]))
