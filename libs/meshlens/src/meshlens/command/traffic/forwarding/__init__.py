"""Forwarders between clients and a server, which record what passes."""
