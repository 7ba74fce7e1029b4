-- A wallet's balance is the sum of its entries, of what is available as of what is held.
SELECT 'wallet ' || b.wallet_id AS broken
FROM wallet_balance b CROSS JOIN LATERAL (
    SELECT coalesce(sum(e.micros) FILTER (WHERE a.kind = 'available'), 0) AS available,
        coalesce(sum(e.micros) FILTER (WHERE a.kind = 'held'), 0) AS held
    FROM ledger_account a JOIN ledger_entry e ON e.account_id = a.id
    WHERE a.wallet_id = b.wallet_id) AS f
WHERE ($1::bigint = 0
        OR EXISTS (SELECT FROM ledger_transaction t WHERE t.wallet_id = b.wallet_id AND t.id >= $1))
    AND (b.available_micros <> f.available OR b.held_micros <> f.held)
