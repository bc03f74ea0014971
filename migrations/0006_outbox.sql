-- Jobs that the CRM's own transactions ask for: a row is written beside the data it is about, and the
-- worker's relay moves it to Redis after the commit. Rolled back, it was never there.
--
-- Two numbers, because one cannot do both: `id` gives the order and starts anew where a table is made
-- anew; `job_id` names the job for ever and is random, so that neither a table that was made anew nor
-- a backup that was restored ever names another job the same. A row that is relayed twice is one job.

CREATE TABLE worker.kinds (
    name       text PRIMARY KEY CHECK (octet_length(name) BETWEEN 1 AND 100),
    queue      text        NOT NULL CHECK (octet_length(queue) BETWEEN 1 AND 100),
    retired_at timestamptz
);

COMMENT ON TABLE worker.kinds IS 'What jobs there are, as the latest release that migrated says; written by crm-worker migrate';
COMMENT ON COLUMN worker.kinds.name IS 'The frozen name, family.verb_object';
COMMENT ON COLUMN worker.kinds.queue IS 'The queue its jobs wait in';
COMMENT ON COLUMN worker.kinds.retired_at IS 'Since when the release that migrated does not know it any more; null while it does';

CREATE TABLE worker.outbox (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id       text        NOT NULL DEFAULT gen_random_uuid()::text CHECK (job_id ~ '^[A-Za-z0-9._-]{1,64}$'),
    kind         text        NOT NULL CHECK (octet_length(kind) BETWEEN 1 AND 100),
    payload      jsonb       NOT NULL DEFAULT '{}',
    run_at       timestamptz CHECK (isfinite(run_at)),
    expires_at   timestamptz CHECK (isfinite(expires_at)),
    priority     smallint    CHECK (priority BETWEEN 0 AND 9),
    max_attempts integer     CHECK (max_attempts BETWEEN 1 AND 1000),
    unique_key   text        CHECK (octet_length(unique_key) BETWEEN 1 AND 200),
    tags         text[]      NOT NULL DEFAULT '{}' CHECK (cardinality(tags) <= 16 AND array_position(tags, NULL) IS NULL),
    bytes        integer     GENERATED ALWAYS AS (octet_length(payload::text)) STORED CHECK (bytes <= 5242880),
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    parked_at    timestamptz,
    reason       text,
    CONSTRAINT outbox_parked_has_a_reason CHECK ((parked_at IS NULL) = (reason IS NULL))
) WITH (
    -- Rows live for milliseconds: the table is small and busy.
    autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 10000
);

CREATE INDEX outbox_waiting ON worker.outbox (id) WHERE parked_at IS NULL;
CREATE INDEX outbox_parked ON worker.outbox (parked_at) WHERE parked_at IS NOT NULL;

COMMENT ON TABLE worker.outbox IS 'One row per job that waits to be moved to Redis; it leaves once Redis has it';
COMMENT ON COLUMN worker.outbox.id IS 'The order in which rows are relayed';
COMMENT ON COLUMN worker.outbox.job_id IS 'The id of the job; whoever brings an own one gets one job for it, however often it is written';
COMMENT ON COLUMN worker.outbox.kind IS 'What job it is, see worker.kinds; the kind decides the queue';
COMMENT ON COLUMN worker.outbox.payload IS 'The job''s own data; checked against its kind when it is relayed';
COMMENT ON COLUMN worker.outbox.run_at IS 'Not before then; null for at once';
COMMENT ON COLUMN worker.outbox.expires_at IS 'If it was not started by then, it is cancelled; null for never';
COMMENT ON COLUMN worker.outbox.priority IS '0 (first) to 9 (last); null for the kind''s own';
COMMENT ON COLUMN worker.outbox.max_attempts IS 'Attempts at most; null for the kind''s own';
COMMENT ON COLUMN worker.outbox.unique_key IS 'No second job with this key while one lives: then this row adds no job; null for the kind''s own';
COMMENT ON COLUMN worker.outbox.tags IS 'What it belongs to, such as campaign:12; at most 16';
COMMENT ON COLUMN worker.outbox.bytes IS 'Size of the payload as text, at most 5 MB';
COMMENT ON COLUMN worker.outbox.created_at IS 'When the row was written, which is before its commit';
COMMENT ON COLUMN worker.outbox.parked_at IS 'When it was found that no job can be made of it; null for a row that waits';
COMMENT ON COLUMN worker.outbox.reason IS 'Why; never quotes the payload';

-- One a statement is enough, and PostgreSQL makes one of all in a transaction.
CREATE FUNCTION worker.outbox_news() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
BEGIN
    PERFORM pg_notify('worker_outbox', '');
    RETURN NULL;
END
$$;

CREATE TRIGGER outbox_news AFTER INSERT ON worker.outbox
    FOR EACH STATEMENT EXECUTE FUNCTION worker.outbox_news();

COMMENT ON FUNCTION worker.outbox_news() IS 'Wakes the relay after the commit';

-- Runs with its owner's rights, so that a role may enqueue without seeing what others enqueued.
CREATE FUNCTION worker.enqueue(
    kind         text,
    payload      jsonb       DEFAULT '{}',
    run_at       timestamptz DEFAULT NULL,
    expires_at   timestamptz DEFAULT NULL,
    priority     integer     DEFAULT NULL,
    max_attempts integer     DEFAULT NULL,
    unique_key   text        DEFAULT NULL,
    tags         text[]      DEFAULT '{}',
    job_id       text        DEFAULT NULL
) RETURNS text
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    named text := coalesce(enqueue.job_id, gen_random_uuid()::text);
    known text;
BEGIN
    PERFORM FROM worker.kinds WHERE name = enqueue.kind AND retired_at IS NULL;
    IF NOT FOUND THEN
        SELECT string_agg(name, ', ' ORDER BY name) INTO known
        FROM worker.kinds
        WHERE retired_at IS NULL
            AND (split_part(name, '.', 1) = split_part(enqueue.kind, '.', 1)
                OR NOT EXISTS (SELECT FROM worker.kinds AS near WHERE near.retired_at IS NULL
                    AND split_part(near.name, '.', 1) = split_part(enqueue.kind, '.', 1)));
        RAISE EXCEPTION 'unknown kind "%"', left(enqueue.kind, 100)
            USING ERRCODE = 'invalid_parameter_value',
                HINT = coalesce('there are ' || known, 'no kind is known; run: crm-worker migrate');
    END IF;
    INSERT INTO worker.outbox (job_id, kind, payload, run_at, expires_at, priority, max_attempts, unique_key, tags)
    VALUES (named, enqueue.kind, coalesce(enqueue.payload, '{}'), enqueue.run_at, enqueue.expires_at, enqueue.priority,
        enqueue.max_attempts, enqueue.unique_key, coalesce(enqueue.tags, '{}'));
    RETURN named;
END
$$;

COMMENT ON FUNCTION worker.enqueue(text, jsonb, timestamptz, timestamptz, integer, integer, text, text[], text)
    IS 'Enqueues a job when the transaction commits, and answers its id; an unknown kind is refused at once';

REVOKE ALL ON FUNCTION worker.enqueue(text, jsonb, timestamptz, timestamptz, integer, integer, text, text[], text) FROM PUBLIC;
