-- Keeps the ledger append-only: its entries and transactions are neither changed nor removed, by whatever statement.
-- Whoever owns the tables could still drop the trigger.
CREATE OR REPLACE FUNCTION longhaul_ledger_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = 'restrict_violation';
END $$;
