"""The findings, one module each; see :mod:`tqdecrypt.insight.rules`."""
