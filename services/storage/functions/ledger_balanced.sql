-- At the commit, for each entry that was made: its transaction sums to zero, and is in one currency, its accounts' own.
CREATE OR REPLACE FUNCTION longhaul_ledger_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM ledger_entry e LEFT JOIN ledger_account a ON a.id = e.account_id
    WHERE e.transaction_id = NEW.transaction_id
    HAVING sum(e.micros) = 0 AND count(DISTINCT e.currency) = 1 AND bool_and(e.currency IS NOT DISTINCT FROM a.currency);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'a transaction of the ledger is not balanced' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
