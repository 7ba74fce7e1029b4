"""Storage: one PostgreSQL for the event log, the call journal, blobs and read models.

Every function here takes a `Tx` of `database.Database.transaction()` and commits nothing itself; the caller composes
several into one transaction. What is one statement takes `Statements`: also the `Database` itself, and is then
committed when it returns. Errors are those of `domain.errors`; a database that does not answer is `Unavailable`.
Lock order within a transaction: the request's row first (`events.append`, `journal.begin`), then a call's row.
"""
