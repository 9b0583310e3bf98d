"""Prints what models one replica has, asked at its own address."""

import sys

from meshlens.daprkit.client import Client

with Client(sys.argv[1]) as replica:
    print(replica.invoke("classify", "models", timeout=10.0).body.decode())
