-- Write a transaction's entries, those of nothing left out.
CREATE OR REPLACE FUNCTION longhaul_money_entries(p_transaction bigint, p_wallet text, p_kinds text[], p_micros bigint[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_currency text;
BEGIN
    SELECT w.currency INTO STRICT v_currency FROM wallet w WHERE w.id = p_wallet;
    INSERT INTO ledger_entry (transaction_id, account_id, currency, micros)
    SELECT p_transaction, longhaul_money_account(e.kind, p_wallet, v_currency), v_currency, e.micros
    FROM unnest(p_kinds, p_micros) AS e (kind, micros) WHERE e.micros <> 0;
END $$;
