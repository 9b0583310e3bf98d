"""Answering requests, whatever the transport: route, lane, time limit, event, metrics."""
