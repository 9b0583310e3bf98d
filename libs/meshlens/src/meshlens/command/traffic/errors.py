"""What ends a recording or a replay."""

from meshlens.faults import Fault


class TrafficFault(Fault):
    """A recording cannot be read, or an address not be used."""
