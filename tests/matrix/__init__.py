"""The matrix: TLS implementations that we did not write talk to each other, our engine listens.

:mod:`matrix.peers` says how each implementation is started and what it can do, :mod:`matrix.cases`
what is tried, :mod:`matrix.play` lets two programs talk through a :mod:`matrix.relay`,
:mod:`matrix.listen` holds what the engine makes of it to what the programs said, and
:mod:`matrix.document` writes ``docs/matrix.md``.
"""
