"""Runnable stand-ins for what the internet would be, with scripted faults and a log of every call.

Used by the demo, tests, load and chaos; never imported by product code.
"""
