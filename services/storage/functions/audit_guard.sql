-- Keeps the audit log append-only: rows are never changed, and removed only by longhaul_audit_purge, none that is
-- younger than 30 days. Whoever owns the table could still drop the trigger; for proof against them, export the log.
CREATE OR REPLACE FUNCTION longhaul_audit_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('longhaul.audit_purge', true) = 'on'
            AND OLD.at < clock_timestamp() - interval '30 days' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'audit_entry is append-only' USING ERRCODE = 'restrict_violation';
END $$
