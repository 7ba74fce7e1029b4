-- What the account of a kind is called: two kinds are each wallet's own, the others each currency's.
CREATE OR REPLACE FUNCTION longhaul_money_account(p_kind text, p_wallet text, p_currency text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN p_kind IN ('available', 'held') THEN 'wallet:' || p_wallet || ':' || p_kind
        ELSE p_kind || ':' || p_currency END
$$;
