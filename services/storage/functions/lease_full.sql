-- Which candidates have no place for a call, added to what bars them already: `limit` (the account is full), `queue` (what
-- it has left is for calls that wait ahead), `size` (the input alone is over a limit). `p_limited`: accounts with limits.
-- Those ahead are seated one after the other at the first account that has room for them. One that fits nowhere is reckoned
-- with all the same, so that small calls do not eat up what a large one waits for.
CREATE OR REPLACE FUNCTION longhaul_lease_full(
    p_me lease_waiter, p_limited text[], p_accounts text[], p_bars text[], p_input bigint, p_tokens bigint[],
    p_costs bigint[], p_now timestamptz) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    v_bars text[] := p_bars;
    v_requests bigint[];
    v_concurrency bigint[];
    v_tokens bigint[];
    v_costs bigint[];
    v_most_tokens bigint[];
    v_most_cost bigint[];
    v_room record;
    v_ahead record;
    v_at int;
    v_seat int;
BEGIN
    FOR v_at IN 1 .. cardinality(p_limited) LOOP
        v_room := longhaul_account_room(p_limited[v_at], p_now);
        v_requests[v_at] := v_room.requests;
        v_concurrency[v_at] := v_room.concurrency;
        v_tokens[v_at] := v_room.tokens;
        v_costs[v_at] := v_room.cost_micros;
        v_most_tokens[v_at] := v_room.most_tokens;
        v_most_cost[v_at] := v_room.most_cost;
    END LOOP;
    FOR v_place IN 1 .. cardinality(p_accounts) LOOP
        v_at := array_position(p_limited, p_accounts[v_place]);
        IF v_bars[v_place] <> '' OR v_at IS NULL THEN
            CONTINUE;
        END IF;
        IF p_input > v_most_tokens[v_at] THEN
            v_bars[v_place] := 'size';
        ELSIF NOT longhaul_room_for(v_requests[v_at], v_concurrency[v_at], v_tokens[v_at], v_costs[v_at],
            least(p_tokens[v_place], v_most_tokens[v_at]), least(p_costs[v_place], v_most_cost[v_at])) THEN
            v_bars[v_place] := 'limit';
        END IF;
    END LOOP;
    IF NOT '' = ANY (v_bars) THEN
        RETURN v_bars;
    END IF;
    FOR v_ahead IN
        SELECT w.accounts, w.tokens, w.cost_micros FROM lease_waiter w
        WHERE (w.rank, w.turn, w.since, w.id) < (p_me.rank, p_me.turn, p_me.since, p_me.id)
            AND w.expected_at > p_now - interval '1.5 seconds' AND w.accounts ?| p_limited
        ORDER BY w.rank, w.turn, w.since, w.id
    LOOP
        v_seat := NULL;
        FOR v_at IN 1 .. cardinality(p_limited) LOOP
            CONTINUE WHEN NOT v_ahead.accounts ? p_limited[v_at];
            v_seat := coalesce(v_seat, v_at);
            IF longhaul_room_for(v_requests[v_at], v_concurrency[v_at], v_tokens[v_at], v_costs[v_at],
                least(v_ahead.tokens, v_most_tokens[v_at]), least(v_ahead.cost_micros, v_most_cost[v_at])) THEN
                v_seat := v_at;
                EXIT;
            END IF;
        END LOOP;
        v_requests[v_seat] := v_requests[v_seat] - 1;
        v_concurrency[v_seat] := v_concurrency[v_seat] - 1;
        v_tokens[v_seat] := v_tokens[v_seat] - least(v_ahead.tokens, v_most_tokens[v_seat]);
        v_costs[v_seat] := v_costs[v_seat] - least(v_ahead.cost_micros, v_most_cost[v_seat]);
        FOR v_place IN 1 .. cardinality(p_accounts) LOOP
            IF v_bars[v_place] = '' AND p_accounts[v_place] = p_limited[v_seat] AND NOT longhaul_room_for(
                v_requests[v_seat], v_concurrency[v_seat], v_tokens[v_seat], v_costs[v_seat],
                least(p_tokens[v_place], v_most_tokens[v_seat]), least(p_costs[v_place], v_most_cost[v_seat])) THEN
                v_bars[v_place] := 'queue';
            END IF;
        END LOOP;
        EXIT WHEN NOT '' = ANY (v_bars);
    END LOOP;
    RETURN v_bars;
END $$;
