-- Removes at most p_limit entries of the audit log from before p_before, the oldest first; answers how many.
CREATE OR REPLACE FUNCTION longhaul_audit_purge(p_before timestamptz, p_limit int) RETURNS bigint
    LANGUAGE plpgsql SET longhaul.audit_purge = 'on' AS $$
DECLARE
    v_removed bigint;
BEGIN
    WITH gone AS (
        DELETE FROM audit_entry WHERE id IN (
            SELECT id FROM audit_entry WHERE at < p_before ORDER BY at, id LIMIT p_limit FOR UPDATE SKIP LOCKED)
        RETURNING 1
    )
    SELECT count(*) INTO v_removed FROM gone;
    RETURN v_removed;
END $$
