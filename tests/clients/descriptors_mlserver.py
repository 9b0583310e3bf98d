# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = ["mlserver==1.7.1"]
# ///
"""Compares our messages with those of mlserver."""

from descriptors import print_differences
from mlserver.grpc import dataplane_pb2, model_repository_pb2

if __name__ == "__main__":
    print_differences(dataplane_pb2, model_repository_pb2)
