"""An MCP server that can lie: it speaks the raw protocol over streamable HTTP and stdio, honest until told otherwise.

`python -m simulators.mcp_server --port N` or `--stdio` runs it. It is not built on the SDK's server, which could not
break the protocol. What it can do wrong are named behaviours, a small function each, in `behaviours/`.
"""
