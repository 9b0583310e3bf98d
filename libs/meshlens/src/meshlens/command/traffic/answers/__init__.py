"""Answers of two servers, whatever their form, and what they differ in."""
