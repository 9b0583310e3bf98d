"""What is used of Dapr's SDK for workflows, without what importing it does to the process.

It instruments all gRPC channels that are made from then on, those to our own sidecar among them, if
OpenTelemetry's package for that is installed, as it is for the server. Calls through them lose
`cancel`, and pay for spans that nobody reads.
"""

from dapr.ext.workflow import (
    DaprWorkflowContext,
    RetryPolicy,
    TaskFailedError,
    WorkflowActivityContext,
    WorkflowRuntime,
    when_all,
    when_any,
)
from dapr.ext.workflow.logger import LoggerOptions
from opentelemetry.instrumentation.grpc import GrpcInstrumentorClient

GrpcInstrumentorClient().uninstrument()

__all__ = [
    "DaprWorkflowContext",
    "LoggerOptions",
    "RetryPolicy",
    "TaskFailedError",
    "WorkflowActivityContext",
    "WorkflowRuntime",
    "when_all",
    "when_any",
]
