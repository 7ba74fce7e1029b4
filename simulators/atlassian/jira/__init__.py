"""The simulated Jira: projects, issues, a workflow, comments, and a subset of JQL."""
