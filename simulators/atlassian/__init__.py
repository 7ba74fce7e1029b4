"""Jira and Confluence as a tool server sees them: Server/Data Center's REST API, version 2, over loopback.

`python -m simulators.atlassian --port N` serves both; `create_app` in `app.py` builds them in a process. Jira answers
under `/rest/api/2`, Confluence under `/wiki/rest/api` and `/rest/api`. Faults are scripted at `/__sim/faults`, every
call and every write is logged.
"""
