-- Every call that has ended and has cost something has exactly one posting, if its request is charged. Of what is new: the
-- requests of the last hour, and those with a transaction since.
WITH looked AS (
    SELECT r.id FROM request r WHERE $1::bigint = 0 AND r.wallet_id IS NOT NULL
    UNION
    SELECT r.id FROM request r
    CROSS JOIN (SELECT lpad(to_hex(((extract(epoch FROM clock_timestamp()) - 3600) * 1000)::bigint), 12, '0') AS time) AS s
    WHERE r.wallet_id IS NOT NULL
        AND (r.id > 'call_' || s.time AND r.id < 'call`' OR r.id > 'req_' || s.time AND r.id < 'req`')
    UNION
    SELECT coalesce(t.request_id, t.hold_id) FROM ledger_transaction t WHERE t.id >= $1
)
SELECT 'call ' || concat_ws('/', c.request_id, c.slot, c.round, c.n) AS broken
FROM looked l JOIN request r ON r.id = l.id JOIN model_call c ON c.request_id = r.id
WHERE r.wallet_id IS NOT NULL AND c.state <> 'open' AND c.cost_micros > 0 AND 1 <> (
    SELECT count(*) FROM ledger_transaction t
    WHERE t.kind = 'post' AND (t.request_id, t.slot, t.round, t.n) = (c.request_id, c.slot, c.round, c.n))
