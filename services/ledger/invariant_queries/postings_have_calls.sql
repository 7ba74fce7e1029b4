-- Every posting is of a call in the journal that has ended, and of what that has cost. Calls of requests that were removed
-- for their age are gone; their postings stay.
SELECT 'transaction ' || t.id || ', call ' || t.key AS broken
FROM ledger_transaction t
LEFT JOIN model_call c ON (c.request_id, c.slot, c.round, c.n) = (t.request_id, t.slot, t.round, t.n)
WHERE t.kind = 'post' AND t.id >= $1
    AND CASE WHEN c.request_id IS NULL THEN EXISTS (SELECT FROM request r WHERE r.id = t.request_id) OR t.request_id IS NULL
        ELSE c.state = 'open' OR c.cost_micros <> t.micros END
