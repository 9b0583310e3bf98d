"""TensorFlow Serving, as tfserving.proto has it."""

from meshlens.protocols.wire.pool import define

globals().update(define("tfserving"))
