-- All entries of a currency sum to zero.
SELECT 'currency ' || currency AS broken FROM ledger_entry WHERE transaction_id >= $1
GROUP BY currency HAVING sum(micros) <> 0
