"""The status codes of TensorFlow, as tensorflow_error.proto has them."""

from meshlens.protocols.wire.pool import define

globals().update(define("tensorflow_error"))
