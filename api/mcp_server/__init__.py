"""Longhaul as an MCP server: any MCP client starts, watches and steers requests through the tools of this room.

The tools do what the routes do, by the same functions; `endpoint` is the way in, `catalog` lists all there is.
"""
