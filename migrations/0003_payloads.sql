-- Payloads that are too large for Redis; the jobs there refer to them. Written by whoever enqueues,
-- read by the worker, removed when no job has referred to them for a day.

CREATE TABLE worker.payloads (
    payload_id   text PRIMARY KEY,
    installation text        NOT NULL,
    queue        text        NOT NULL,
    job_id       text        NOT NULL,
    json         bytea       NOT NULL,
    stored_at    timestamptz NOT NULL DEFAULT now(),
    looked_at    timestamptz NOT NULL DEFAULT now(),
    unused_since timestamptz
);

CREATE INDEX payloads_looked_at ON worker.payloads (installation, looked_at);

COMMENT ON TABLE worker.payloads IS 'One row per job with a large payload; may contain personal data';
COMMENT ON COLUMN worker.payloads.payload_id IS 'The name in the job''s envelope; never used again';
COMMENT ON COLUMN worker.payloads.installation IS 'redis.prefix of whoever stored it: only that Redis knows whether it is used';
COMMENT ON COLUMN worker.payloads.queue IS 'The queue of the job';
COMMENT ON COLUMN worker.payloads.job_id IS 'The job it was stored for';
COMMENT ON COLUMN worker.payloads.json IS 'The payload, exactly as it was enqueued; its SHA-256 is in the envelope';
COMMENT ON COLUMN worker.payloads.stored_at IS 'When it was stored, just before its job';
COMMENT ON COLUMN worker.payloads.looked_at IS 'When the collection last asked whether a job refers to it';
COMMENT ON COLUMN worker.payloads.unused_since IS 'Since when no job was found to; after a day it is removed';
