-- Every transaction has entries, which are of one currency and sum to zero; every entry has its transaction.
SELECT 'transaction ' || coalesce(t.id, e.transaction_id) AS broken
FROM (SELECT id FROM ledger_transaction WHERE id >= $1) AS t
FULL JOIN (
    SELECT transaction_id, sum(micros) AS micros, count(DISTINCT currency) AS currencies FROM ledger_entry
    WHERE transaction_id >= $1 GROUP BY transaction_id) AS e ON e.transaction_id = t.id
WHERE t.id IS NULL OR e.transaction_id IS NULL OR e.micros <> 0 OR e.currencies <> 1
