-- No wallet is below its floor, nothing held is negative, and the balance knows the wallet's own floor.
SELECT 'wallet ' || w.id AS broken
FROM wallet w LEFT JOIN wallet_balance b ON b.wallet_id = w.id
WHERE $1::bigint >= 0 AND ((w.floor_micros IS NULL) <> (b.wallet_id IS NULL) OR b.floor_micros <> w.floor_micros
    OR b.available_micros < b.floor_micros OR b.held_micros < 0)
