# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = ["tritonclient[grpc]==2.73.0"]
# ///
"""Compares our messages with those of tritonclient."""

from descriptors import print_differences
from tritonclient.grpc import service_pb2

if __name__ == "__main__":
    print_differences(service_pb2)
