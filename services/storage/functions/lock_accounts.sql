-- Have accounts to oneself until the transaction ends. The locks are taken in one order for all, so that nobody waits in a
-- circle; they are not the rows', which admins change.
CREATE OR REPLACE FUNCTION longhaul_lock_accounts(p_accounts text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_key int;
BEGIN
    FOR v_key IN SELECT DISTINCT hashtext(account) FROM unnest(p_accounts) AS account ORDER BY 1 LOOP
        PERFORM pg_advisory_xact_lock(x'10A68A03'::int, v_key);
    END LOOP;
END $$;
