"""A network -> a .tflite file of 8-bit integers that takes pixels as they are."""  # noqa: INP001 - a script's part, not a package

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from model_packing import pack_tree
from numpy.typing import NDArray
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.python.convert import mlir_quantize
from tensorflow.lite.python.util import modify_model_io_type


def quantize(
    network: tf.types.experimental.ConcreteFunction,
    pictures: Sequence[NDArray[np.uint8]],
    *,
    mean: float,
    std: float,
) -> bytes:
    """Return `network` in 8-bit integers; its input is uint8, its softmax and output are float32.

    The ranges of its tensors are those that occur for `pictures`, rounded to three digits: their
    last digits depend on the processor, and the same script has to give the same bytes.

    Args:
        network: takes one picture, float32, (pixel - `mean`) / `std`.
        pictures: (height, width, channels) of its input.
        mean: with `std`, the scale and zero point of the input.
        std: likewise.
    """
    converter = tf.lite.TFLiteConverter.from_concrete_functions([network], tf.Module())
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: (
        [((picture.astype(np.float32) - mean) / std)[np.newaxis]] for picture in pictures
    )
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter._experimental_calibrate_only = True  # noqa: SLF001 - its only way to stop before it quantizes
    calibrated = _round_ranges(converter.convert(), -mean / std, (255 - mean) / std)
    # The probabilities of a quantized softmax are multiples of 1/256.
    quantized = mlir_quantize(calibrated, denylisted_ops={"SOFTMAX"})
    return bytes(modify_model_io_type(quantized, tf.uint8, tf.float32))


def _round_ranges(model: bytes, least: float, most: float) -> bytes:
    """Return a calibrated model with rounded ranges; that of its input is given."""
    tree = schema.ModelT.InitFromPackedBuf(model)
    (graph,) = tree.subgraphs
    for tensor in graph.tensors:
        ranges = tensor.quantization
        if ranges is not None and ranges.min is not None:
            ranges.min = [float(f"{bound:.3g}") for bound in ranges.min]
            ranges.max = [float(f"{bound:.3g}") for bound in ranges.max]
    seen = graph.tensors[graph.inputs[0]].quantization
    seen.min, seen.max = [least], [most]
    return pack_tree(tree)
