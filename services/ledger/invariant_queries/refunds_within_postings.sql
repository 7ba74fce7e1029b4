-- No more of a posting was given back than the wallet paid for it.
SELECT 'transaction ' || p.id AS broken
FROM ledger_transaction p CROSS JOIN LATERAL (
    SELECT sum(t.micros) AS micros FROM ledger_transaction t WHERE t.refund_of = p.id) AS back
CROSS JOIN LATERAL (
    SELECT -coalesce(sum(e.micros), 0) AS micros FROM ledger_entry e JOIN ledger_account a ON a.id = e.account_id
    WHERE e.transaction_id = p.id AND a.wallet_id = p.wallet_id) AS paid
WHERE p.id IN (SELECT t.refund_of FROM ledger_transaction t WHERE t.id >= $1 AND t.refund_of IS NOT NULL)
    AND (p.kind <> 'post' OR back.micros > paid.micros)
