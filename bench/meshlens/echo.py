"""The smallest Dapr app in Python: its method `echo` returns the request.

It shows what a call costs before any work is done. Run it as
`python -m meshlens.echo`, as the services are, with bench in PYTHONPATH and APP_PORT.
"""

import os

from dapr.ext.grpc import App, InvokeMethodRequest, InvokeMethodResponse
from grpc_health.v1 import health, health_pb2_grpc

app = App()


@app.method("echo")  # type: ignore[untyped-decorator]  # dapr-ext-grpc has no types
def echo(request: InvokeMethodRequest) -> InvokeMethodResponse:
    """Return the body."""
    return InvokeMethodResponse(request.data, request.content_type)


app.register_health_check(lambda: None)
app.add_external_service(health_pb2_grpc.add_HealthServicer_to_server, health.HealthServicer())
app.run(int(os.environ["APP_PORT"]))
