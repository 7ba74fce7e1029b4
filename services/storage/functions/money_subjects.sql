-- Whose budgets count what somebody does, in the order of locks.
CREATE OR REPLACE FUNCTION longhaul_money_subjects(p_tenant text, p_user text, p_key text) RETURNS text[]
LANGUAGE sql IMMUTABLE AS $$
    SELECT array_remove(ARRAY['tenant:' || p_tenant, 'user:' || p_user, 'key:' || p_key], NULL)
$$;
