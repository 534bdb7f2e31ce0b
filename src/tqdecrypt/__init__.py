"""Troubleshoot encrypted SIP: decrypt it passively, or say why not and what to change."""

__version__ = "0.1.0"
