-- Every entry has an account, whose currency is its own; a wallet's account has the wallet's.
SELECT 'transaction ' || e.transaction_id || ', account ' || e.account_id AS broken
FROM ledger_entry e LEFT JOIN ledger_account a ON a.id = e.account_id LEFT JOIN wallet w ON w.id = a.wallet_id
WHERE e.transaction_id >= $1
    AND (a.id IS NULL OR a.currency <> e.currency OR (a.wallet_id IS NOT NULL AND w.currency IS DISTINCT FROM e.currency))
