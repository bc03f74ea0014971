-- What is known about each export: asked by whom, made when, where its file is, until when.
-- Written by exports.export_records; read by the API that serves the download, and by the purge.

CREATE SCHEMA IF NOT EXISTS worker;

CREATE TABLE worker.exports (
    export_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id      text        NOT NULL UNIQUE,
    dataset     text        NOT NULL,
    format      text        NOT NULL,
    filters     jsonb       NOT NULL DEFAULT '{}',
    columns     text[]      NOT NULL DEFAULT '{}',
    user_id     integer     NOT NULL,
    status      text        NOT NULL CHECK (status IN ('running', 'ready', 'failed', 'expired')),
    row_count   bigint      CHECK (row_count >= 0),
    byte_count  bigint      CHECK (byte_count >= 0),
    sha256      text        CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    file_name   text,
    file_path   text,
    created_at  timestamptz NOT NULL,
    finished_at timestamptz,
    expires_at  timestamptz,
    error       text,
    CONSTRAINT exports_ready_is_complete CHECK (
        status <> 'ready'
        OR (row_count IS NOT NULL AND byte_count IS NOT NULL AND sha256 IS NOT NULL AND file_name IS NOT NULL
            AND file_path IS NOT NULL AND finished_at IS NOT NULL AND expires_at IS NOT NULL)
    )
);

CREATE INDEX exports_user_id_created_at ON worker.exports (user_id, created_at DESC);
CREATE INDEX exports_expires_at ON worker.exports (expires_at) WHERE status = 'ready';

COMMENT ON TABLE worker.exports IS 'One row per export job, whatever became of it';
COMMENT ON COLUMN worker.exports.export_id IS 'The id in links, notifications and access logs';
COMMENT ON COLUMN worker.exports.job_id IS 'The job that makes the file; its retries share the row';
COMMENT ON COLUMN worker.exports.dataset IS 'What was asked for; text, because a refused request may name anything';
COMMENT ON COLUMN worker.exports.format IS 'How it was to be written; text for the same reason';
COMMENT ON COLUMN worker.exports.filters IS 'Filters with their values, which may be personal data; empty if the request was refused';
COMMENT ON COLUMN worker.exports.columns IS 'Columns in the order of the file; empty if the request was refused';
COMMENT ON COLUMN worker.exports.user_id IS 'public.users.id of who asked; no reference, the record outlives the account';
COMMENT ON COLUMN worker.exports.status IS 'running, ready, failed (see error) or expired (file removed)';
COMMENT ON COLUMN worker.exports.row_count IS 'Rows in the file without the header';
COMMENT ON COLUMN worker.exports.byte_count IS 'Size of the file in bytes';
COMMENT ON COLUMN worker.exports.sha256 IS 'SHA-256 of the file in lower-case hexadecimal';
COMMENT ON COLUMN worker.exports.file_name IS 'Name to offer when the file is downloaded';
COMMENT ON COLUMN worker.exports.file_path IS 'Where the worker put the file';
COMMENT ON COLUMN worker.exports.created_at IS 'Start of the first attempt';
COMMENT ON COLUMN worker.exports.finished_at IS 'When the record became ready or failed';
COMMENT ON COLUMN worker.exports.expires_at IS 'From when the file may be removed';
COMMENT ON COLUMN worker.exports.error IS 'Why it failed; never contains personal data';
