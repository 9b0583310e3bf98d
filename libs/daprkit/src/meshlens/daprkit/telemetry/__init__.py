"""Logs, traces and metrics in the usual formats: JSON lines, OTLP, Prometheus."""
