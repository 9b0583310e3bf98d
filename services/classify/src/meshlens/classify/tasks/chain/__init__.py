"""Chains: things are found in a picture, and what each one shows is answered."""
