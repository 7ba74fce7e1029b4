-- Nothing is booked twice under one key.
SELECT t.kind || ' ' || t.key AS broken FROM ledger_transaction t
WHERE t.id >= $1 AND EXISTS (SELECT FROM ledger_transaction o WHERE o.kind = t.kind AND o.key = t.key AND o.id <> t.id)
