"""What TLS and calls tell an operator: findings, each with its evidence and what to try."""

from tqdecrypt.insight.finding import Finding, Meaning, Severity

__all__ = ["Finding", "Meaning", "Severity"]
