"""The Open Inference Protocol, version 2, as inference.proto has it."""

from meshlens.protocols.wire.pool import define

globals().update(define("inference"))
