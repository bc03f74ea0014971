-- The history of finished jobs. Written by the workers in batches, off the hot path; Redis keeps
-- only the recent ones. No payloads and no outputs: those may be personal data.

CREATE TABLE worker.job_runs (
    finished_at   timestamptz NOT NULL,
    job_id        text        NOT NULL,
    queue         text        NOT NULL,
    kind          text        NOT NULL,
    state         text        NOT NULL CHECK (state IN ('completed', 'discarded', 'cancelled')),
    tags          text[]      NOT NULL DEFAULT '{}',
    priority      smallint    NOT NULL,
    attempts      integer     NOT NULL,
    enqueued_at   timestamptz NOT NULL,
    started_at    timestamptz,
    duration_ms   bigint,
    worker        text,
    reason        text,
    error_kind    text,
    error_message text,
    result_bytes  integer     NOT NULL DEFAULT 0,
    PRIMARY KEY (finished_at, job_id)
);

CREATE INDEX job_runs_job_id ON worker.job_runs (job_id);
CREATE INDEX job_runs_kind ON worker.job_runs (kind, finished_at);
CREATE INDEX job_runs_bad_ends ON worker.job_runs (state, finished_at) WHERE state <> 'completed';
CREATE INDEX job_runs_errors ON worker.job_runs (finished_at) WHERE error_message IS NOT NULL;
CREATE INDEX job_runs_tags ON worker.job_runs USING gin (tags) WHERE tags <> '{}';

COMMENT ON TABLE worker.job_runs IS 'One row per end of a job; a job that is run again by hand ends again';
COMMENT ON COLUMN worker.job_runs.finished_at IS 'When it ended for good; with the job what makes the row unique, so that a batch may be written twice';
COMMENT ON COLUMN worker.job_runs.job_id IS 'The job';
COMMENT ON COLUMN worker.job_runs.queue IS 'Where it waited';
COMMENT ON COLUMN worker.job_runs.kind IS 'What it was; empty if its envelope could not be read';
COMMENT ON COLUMN worker.job_runs.state IS 'completed, discarded (failed for good) or cancelled';
COMMENT ON COLUMN worker.job_runs.tags IS 'What it belonged to, such as campaign:12';
COMMENT ON COLUMN worker.job_runs.priority IS '0 (first) to 9 (last)';
COMMENT ON COLUMN worker.job_runs.attempts IS 'Attempts that were counted';
COMMENT ON COLUMN worker.job_runs.enqueued_at IS 'When the producer made it';
COMMENT ON COLUMN worker.job_runs.started_at IS 'Start of the last attempt; null if it never ran';
COMMENT ON COLUMN worker.job_runs.duration_ms IS 'How long the last attempt took; null if it never ran';
COMMENT ON COLUMN worker.job_runs.worker IS 'The process of the last attempt';
COMMENT ON COLUMN worker.job_runs.reason IS 'Why it was discarded or cancelled, in a word';
COMMENT ON COLUMN worker.job_runs.error_kind IS 'What kind of error the last one was: error, timeout, panic, lease_lost …';
COMMENT ON COLUMN worker.job_runs.error_message IS 'The last error, whatever the end; no personal data';
COMMENT ON COLUMN worker.job_runs.result_bytes IS 'Size of the output';
