-- Remember an answered call: its deployment's pace, and that its session stays there.
-- A pace that is being changed by another is left as it is: an average does without one call, and nobody waits for it.
CREATE OR REPLACE FUNCTION longhaul_lease_praise(
    p_lease lease, p_session text, p_sticky_s double precision, p_smoothing double precision)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF p_lease.first_token_ms IS NOT NULL THEN
        UPDATE deployment_pace p
        SET first_token_ms = coalesce(
            p.first_token_ms + p_smoothing * (p_lease.first_token_ms - p.first_token_ms), p_lease.first_token_ms)
        WHERE p.deployment_id = (
            SELECT free.deployment_id FROM deployment_pace free
            WHERE free.deployment_id = p_lease.deployment_id FOR UPDATE SKIP LOCKED);
        IF NOT FOUND THEN
            INSERT INTO deployment_pace (deployment_id, first_token_ms)
            VALUES (p_lease.deployment_id, p_lease.first_token_ms) ON CONFLICT DO NOTHING;
        END IF;
    END IF;
    IF p_session IS NOT NULL THEN
        INSERT INTO sticky_session (owner, route, session, deployment_id, until)
        VALUES (p_lease.owner, p_lease.route, p_session, p_lease.deployment_id,
            p_lease.ended_at + make_interval(secs => p_sticky_s))
        ON CONFLICT (owner, route, session) DO UPDATE SET deployment_id = excluded.deployment_id, until = excluded.until;
    END IF;
END $$;
