"""The statements that remove what is old of the gateway's calls; `services.storage.purging` runs them.

A call's id begins with its time, so that what is old is found by id. Calls that are open in any way stay: they have
not ended, an Idempotency-Key or a kept answer leads to them, or money is held for them. The ledger's rows tell all that
they are about and stay for ever.
"""

from typing import Final

_BEFORE: Final = "'call_' || lpad(to_hex((extract(epoch FROM {at}) * 1000)::bigint), 12, '0')"
_OLD: Final = _BEFORE.format(at="$1::timestamptz")
_NOT_HELD: Final = "NOT EXISTS (SELECT FROM ledger_hold h WHERE h.id = r.id AND h.state = 'open')"

CHUNKS: Final = f"""
    WITH seen AS (
        SELECT id, finished_at FROM request
        WHERE id > coalesce((SELECT after FROM purge_mark WHERE kind = 'call_chunks'), 'call_') AND id < {_OLD}
        ORDER BY id LIMIT $2
    ), gone AS (
        DELETE FROM request_event e USING seen
        WHERE e.request_id = seen.id AND seen.finished_at IS NOT NULL AND e.type IN ('call.chunk', 'call.reset')
        RETURNING 1
    ), marked AS (
        INSERT INTO purge_mark AS m (kind, after) SELECT 'call_chunks', max(id) FROM seen HAVING count(*) > 0
        ON CONFLICT (kind) DO UPDATE SET after = greatest(m.after, excluded.after)
    )
    SELECT (SELECT count(*) FROM gone) AS rows, (SELECT count(*) FROM seen) AS seen"""  # noqa: S608  made of our own words
KEYS: Final = f"""
    WITH old AS (
        SELECT k.owner, k.route, k.key_hash FROM idempotency k LEFT JOIN request r ON r.id = k.request_id
        WHERE k.request_id > 'call_' AND k.request_id < {_OLD} AND k.created_at < $1
            AND (r.id IS NULL OR r.finished_at IS NOT NULL)
        LIMIT $2 FOR UPDATE OF k SKIP LOCKED
    ), gone AS (
        DELETE FROM idempotency k USING old
        WHERE (k.owner, k.route, k.key_hash) = (old.owner, old.route, old.key_hash) RETURNING 1
    )
    SELECT count(*) AS rows, count(*) AS seen FROM gone"""  # noqa: S608  made of our own words
_GONE: Final = """events AS (
        DELETE FROM request_event e USING old WHERE e.request_id = old.id
    ), attempts AS (
        DELETE FROM model_call c USING old WHERE c.request_id = old.id
    ), deliveries AS (
        DELETE FROM webhook_delivery d USING old WHERE d.call_id = old.id
    ), keys AS (
        DELETE FROM idempotency k USING old WHERE k.request_id = old.id
    ), gone AS (
        DELETE FROM request r USING old WHERE r.id = old.id RETURNING 1
    )"""
CALLS: Final = f"""
    WITH old AS (
        SELECT r.id FROM request r
        WHERE r.id > 'call_' AND r.id < {_OLD} AND r.kind = 'call' AND r.finished_at < $1 AND {_NOT_HELD}
            AND NOT EXISTS (SELECT FROM idempotency k WHERE k.request_id = r.id)
            AND NOT EXISTS (
                SELECT FROM cached_answer c
                WHERE c.owner = coalesce(r.options->>'cache_scope', r.owner) AND c.key = r.options->>'cache_key'
                    AND c.call_id = r.id AND c.expires_at > clock_timestamp())
        ORDER BY r.id LIMIT $2 FOR UPDATE OF r SKIP LOCKED
    ), {_GONE}
    SELECT count(*) AS rows, count(*) AS seen FROM gone"""  # noqa: S608  made of our own words

BLOB_SLACK_DAYS: Final = 2
"""Texts stay for so much longer than calls: when a text was last put is known to a day, when a call was made by the
clock of whoever accepted it."""
BLOBS: Final = f"""
    WITH still AS (
        SELECT id, message, outcome FROM request
        WHERE id > 'call_' AND id < {_BEFORE.format(at=f"$1::timestamptz + interval '{BLOB_SLACK_DAYS} days'")}
    ), kept AS MATERIALIZED (
        SELECT message->>'ref' AS ref FROM still
        UNION SELECT outcome->'answer'->>'ref' FROM still
        UNION SELECT c.answer->>'ref' FROM model_call c JOIN still ON still.id = c.request_id
    ), old AS (
        SELECT b.ref FROM blob b
        WHERE b.of_calls AND b.put_at < $1 AND NOT EXISTS (SELECT FROM kept WHERE kept.ref = b.ref)
        ORDER BY b.put_at LIMIT $2 FOR UPDATE OF b SKIP LOCKED
    ), gone AS (
        DELETE FROM blob b USING old WHERE b.ref = old.ref RETURNING 1
    )
    SELECT count(*) AS rows, count(*) AS seen FROM gone"""  # noqa: S608  made of our own words

OPEN: Final = f"""
    WITH seen AS (
        SELECT id, finished_at, phase, last_seq FROM request
        WHERE id > coalesce((SELECT after FROM purge_mark WHERE kind = 'unstarted_calls'), 'call_') AND id < {_OLD}
        ORDER BY id LIMIT $2
    )
    SELECT max(id) AS last, count(*) AS seen, coalesce(array_agg(id ORDER BY id) FILTER (
        WHERE finished_at IS NULL AND phase = 'accepted' AND last_seq = 1
            AND NOT EXISTS (SELECT FROM model_call c WHERE c.request_id = seen.id)), '{{}}') AS open
    FROM seen"""  # noqa: S608  made of our own words
"""Of the next so many calls those that nothing is known of but that they were accepted."""
UNSTARTED: Final = f"""
    WITH old AS (
        SELECT r.id FROM request r
        WHERE r.id = ANY($1::text[]) AND r.finished_at IS NULL AND r.last_seq = 1
        ORDER BY r.id FOR UPDATE OF r
    ), {_GONE}, marked AS (
        INSERT INTO purge_mark AS m (kind, after) VALUES ('unstarted_calls', $2)
        ON CONFLICT (kind) DO UPDATE SET after = greatest(m.after, excluded.after)
    )
    SELECT (SELECT count(*) FROM gone) AS rows, (SELECT count(longhaul_money_release(old.id)) FROM old) AS released"""  # noqa: S608  made of our own words
"""What was held for them is free again."""
