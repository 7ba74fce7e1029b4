"""The pool: which account answers a call, within every limit, and what is remembered of how it went.

`port` is what callers see, `catalogue` the configuration, `leases` the places within limits, `breakers` who rests.
"""
