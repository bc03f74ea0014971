-- What is known about each backup, one row a run; written by the jobs of family backups.
-- What is in the files themselves is said by the manifest beside them, which needs no database.

CREATE TABLE worker.backups (
    backup_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id         text        NOT NULL UNIQUE,
    name           text        NOT NULL UNIQUE,
    started_at     timestamptz NOT NULL,
    database_name  text        NOT NULL,
    server_version text,
    dump_version   text,
    alembic_head   text,
    byte_count     bigint,
    sha256         text,
    uploads_bytes  bigint,
    sentinel_rows  jsonb       NOT NULL DEFAULT '{}',
    dumped_at      timestamptz,
    dump_ms        bigint,
    verified_at    timestamptz,
    verify_ms      bigint,
    table_count    bigint,
    row_count      bigint,
    sealed_bytes   bigint,
    uploaded_at    timestamptz,
    places         text[]      NOT NULL DEFAULT '{}',
    reported_at    timestamptz,
    drilled_at     timestamptz,
    drill_ms       bigint,
    failed_at      timestamptz,
    failed_step    text,
    error          text,
    deleted_at     timestamptz
);

CREATE INDEX backups_reported ON worker.backups (reported_at DESC NULLS LAST);

COMMENT ON TABLE worker.backups IS 'One row a backup; written by the backups.* jobs, kept for ever, also when the files are gone';
COMMENT ON COLUMN worker.backups.backup_id IS 'Grows with every backup';
COMMENT ON COLUMN worker.backups.run_id IS 'Id of the backups.dump_database job that began it';
COMMENT ON COLUMN worker.backups.name IS 'What its files start with, such as crm_backup_20261123_020000 (UTC)';
COMMENT ON COLUMN worker.backups.started_at IS 'Start of the first attempt, by the worker''s clock';
COMMENT ON COLUMN worker.backups.database_name IS 'The database that was dumped';
COMMENT ON COLUMN worker.backups.server_version IS 'Version of the server';
COMMENT ON COLUMN worker.backups.dump_version IS 'Version of pg_dump; pg_restore must not be older';
COMMENT ON COLUMN worker.backups.alembic_head IS 'Revision of the CRM''s schema, if Alembic keeps one';
COMMENT ON COLUMN worker.backups.byte_count IS 'Size of the dump in bytes';
COMMENT ON COLUMN worker.backups.sha256 IS 'SHA-256 of the dump in lower-case hexadecimal';
COMMENT ON COLUMN worker.backups.uploads_bytes IS 'Size of the packed uploads folder; null if it is not backed up';
COMMENT ON COLUMN worker.backups.sentinel_rows IS 'Rows of the sentinel tables, counted in the snapshot that was dumped';
COMMENT ON COLUMN worker.backups.dumped_at IS 'When the dump had its name and its manifest';
COMMENT ON COLUMN worker.backups.dump_ms IS 'How long pg_dump took';
COMMENT ON COLUMN worker.backups.verified_at IS 'When every row had been read back';
COMMENT ON COLUMN worker.backups.verify_ms IS 'How long reading back took';
COMMENT ON COLUMN worker.backups.table_count IS 'Tables in the dump';
COMMENT ON COLUMN worker.backups.row_count IS 'Rows in all tables of the dump';
COMMENT ON COLUMN worker.backups.sealed_bytes IS 'Size of the encrypted dump; null if it was not encrypted';
COMMENT ON COLUMN worker.backups.uploaded_at IS 'When every place had a copy; set without a copy if there are no places';
COMMENT ON COLUMN worker.backups.places IS 'Where copies were put and read back';
COMMENT ON COLUMN worker.backups.reported_at IS 'When the run was done: dumped, verified, copied, retention applied';
COMMENT ON COLUMN worker.backups.drilled_at IS 'When a drill had restored it into a scratch database';
COMMENT ON COLUMN worker.backups.drill_ms IS 'How long that restore took';
COMMENT ON COLUMN worker.backups.failed_at IS 'When a step failed for good; a later success of the step clears it';
COMMENT ON COLUMN worker.backups.failed_step IS 'Kind of the job that failed';
COMMENT ON COLUMN worker.backups.error IS 'Why it failed; no personal data';
COMMENT ON COLUMN worker.backups.deleted_at IS 'When retention removed the files from this host';
