-- What was posted from a hold and released of it is at most what was set aside with its extensions, and all of it once the
-- hold is closed; it is closed once; and its amounts are those of its transactions.
WITH looked AS (
    SELECT h.* FROM ledger_hold h
    WHERE $1::bigint = 0 OR h.state = 'open'
        OR h.id IN (SELECT t.hold_id FROM ledger_transaction t WHERE t.id >= $1)
), booked AS (
    SELECT t.hold_id, coalesce(sum(t.micros) FILTER (WHERE t.kind IN ('hold', 'extend')), 0) AS set_aside,
        coalesce(sum(t.micros) FILTER (WHERE t.kind = 'release'), 0) AS released,
        count(*) FILTER (WHERE t.kind = 'release') AS releases,
        coalesce(sum(t.micros) FILTER (WHERE t.kind = 'post'), 0) AS charged,
        -coalesce(sum(e.micros) FILTER (WHERE t.kind = 'post'), 0) AS posted
    FROM ledger_transaction t LEFT JOIN ledger_entry e
        ON e.transaction_id = t.id AND e.account_id = longhaul_money_account('held', t.wallet_id, NULL)
    WHERE t.hold_id IN (SELECT id FROM looked) GROUP BY t.hold_id
)
SELECT 'hold ' || h.id AS broken
FROM looked h LEFT JOIN booked b ON b.hold_id = h.id
WHERE h.posted_micros + h.released_micros > h.amount_micros
    OR (h.state = 'open') <> (h.closed_at IS NULL)
    OR (h.state = 'open' AND h.released_micros <> 0)
    OR (h.state <> 'open' AND h.posted_micros + h.released_micros <> h.amount_micros)
    OR coalesce(b.releases, 0) > 1
    OR h.posted_micros + h.over_micros + h.lost_micros <> coalesce(b.charged, 0)
    OR (h.backed AND (b.set_aside, b.released, b.posted)
        IS DISTINCT FROM (h.amount_micros::numeric, h.released_micros::numeric, h.posted_micros::numeric))
