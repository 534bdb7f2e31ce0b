"""The rules of :mod:`tqdecrypt.tls.judge`, by what they look at."""
