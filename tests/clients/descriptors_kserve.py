# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = ["kserve==0.21.0"]
# ///
"""Compares our messages with those of kserve."""

from descriptors import print_differences
from kserve.protocol.grpc import grpc_predict_v2_pb2

if __name__ == "__main__":
    print_differences(grpc_predict_v2_pb2)
