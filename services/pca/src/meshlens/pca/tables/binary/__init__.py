"""Binary formats -> columns, and back."""
