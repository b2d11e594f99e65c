"""The statistics of every detector of rates: what is counted, how much is usual, how rare more of it is.

A *use* is one counted record; a *key* is what it is counted for.
"""
