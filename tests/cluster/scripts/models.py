"""Prints the models of one replica, called at its own address."""

import sys

from meshlens.daprkit.client import Client

with Client(sys.argv[1]) as replica:
    print(replica.invoke("classify", "models", timeout=10.0).body.decode())
