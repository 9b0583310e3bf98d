"""Protocols of other model servers, spoken for whatever models a service has."""
