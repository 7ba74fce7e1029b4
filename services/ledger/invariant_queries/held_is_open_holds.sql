-- What is held of a wallet is what is left of its open holds.
SELECT 'wallet ' || b.wallet_id AS broken
FROM wallet_balance b LEFT JOIN (
    SELECT wallet_id, sum(amount_micros - posted_micros) AS held FROM ledger_hold
    WHERE state = 'open' AND backed GROUP BY wallet_id) AS h ON h.wallet_id = b.wallet_id
WHERE $1::bigint >= 0 AND b.held_micros <> coalesce(h.held, 0)
