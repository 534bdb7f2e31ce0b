"""What TLS and calls tell an operator: findings, each with its evidence and what to try."""

from tqdecrypt.insight.analysis import Analysis
from tqdecrypt.insight.finding import Finding, Meaning, Severity

__all__ = ["Analysis", "Finding", "Meaning", "Severity"]
