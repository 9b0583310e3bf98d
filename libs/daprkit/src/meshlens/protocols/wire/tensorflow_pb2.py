"""Tensors, examples and signatures of TensorFlow, as tensorflow.proto has them."""

from meshlens.protocols.wire.pool import define

globals().update(define("tensorflow"))
