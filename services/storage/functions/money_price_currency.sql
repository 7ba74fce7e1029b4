-- The currency that models' prices are in. Only wallets of this currency pay for work; nothing is ever converted.
CREATE OR REPLACE FUNCTION longhaul_money_price_currency() RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'USD' $$;
