"""What is configured in the pool: the store behind the admin API, the ways in (file, settings, nodes), the audit.

Every change counts `pool_version` up and leaves a row in `pool_change`, in the same transaction. A credential is sealed
before it is stored, and stands in no answer, no log and no audit.
"""
