from importlib import import_module

import grpc


def test_channels_are_those_of_the_library() -> None:
    import_module("meshlens.jobs.engine.worker")
    with grpc.insecure_channel("127.0.0.1:1") as channel:
        assert type(channel).__module__ == "grpc._channel"
