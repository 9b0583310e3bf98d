"""Logs, traces and metrics, each in its field's usual form: JSON lines, OTLP, Prometheus."""
