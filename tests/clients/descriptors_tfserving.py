# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = ["tensorflow-serving-api==2.21.0"]
# ///
"""Compares our messages with those of tensorflow-serving-api."""

from descriptors import print_differences
from tensorflow_serving.apis import model_service_pb2, prediction_service_pb2

if __name__ == "__main__":
    print_differences(prediction_service_pb2, model_service_pb2)
