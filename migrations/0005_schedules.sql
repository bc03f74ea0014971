-- What is remembered of schedules, and what people changed about them. Written by the leading
-- scheduler after it fired, and by people (crm-worker schedule, the panel). One row per schedule that
-- ever was; the schedules themselves are in a file.

CREATE TABLE worker.schedules (
    installation       text        NOT NULL,
    name               text        NOT NULL,
    timing             text        NOT NULL DEFAULT '',
    considered_at      timestamptz,
    last_occurrence    timestamptz,
    last_fired_at      timestamptz,
    last_job_id        text,
    last_success_at    timestamptz,
    missed             bigint      NOT NULL DEFAULT 0,
    fence              bigint      NOT NULL DEFAULT 0,
    override_enabled   boolean,
    override_cron      text,
    override_every     text,
    override_zone      text,
    override_on_missed text,
    override_overlap   text,
    override_expires   text,
    override_jitter    text,
    overridden_by      text,
    overridden_at      timestamptz,
    overridden_note    text,
    PRIMARY KEY (installation, name),
    CONSTRAINT schedules_one_timing CHECK (override_cron IS NULL OR override_every IS NULL)
);

COMMENT ON TABLE worker.schedules IS 'State of schedules by name, and overrides made by people; overrides survive deployments';
COMMENT ON COLUMN worker.schedules.installation IS 'redis.prefix of whoever fires it: two installations on one database have states of their own';
COMMENT ON COLUMN worker.schedules.name IS 'The schedule''s name in the file';
COMMENT ON COLUMN worker.schedules.timing IS 'What the state belongs to: expression and zone, a period, or off; another one begins anew at that moment';
COMMENT ON COLUMN worker.schedules.considered_at IS 'Up to when occurrences were decided about; what is due is later';
COMMENT ON COLUMN worker.schedules.last_occurrence IS 'The latest occurrence that was fired';
COMMENT ON COLUMN worker.schedules.last_fired_at IS 'When that was, by the clock of Redis';
COMMENT ON COLUMN worker.schedules.last_job_id IS 'Its job';
COMMENT ON COLUMN worker.schedules.last_success_at IS 'When a job of the schedule last completed';
COMMENT ON COLUMN worker.schedules.missed IS 'Occurrences that were not fired in time, ever; caught up with or not';
COMMENT ON COLUMN worker.schedules.fence IS 'The fence of the leader that wrote last; one with a lower fence writes nothing';
COMMENT ON COLUMN worker.schedules.override_enabled IS 'Paused (false) or resumed (true) by a person; null for what the file says, as in all of these';
COMMENT ON COLUMN worker.schedules.override_cron IS 'Another expression';
COMMENT ON COLUMN worker.schedules.override_every IS 'Another period';
COMMENT ON COLUMN worker.schedules.override_zone IS 'Another zone';
COMMENT ON COLUMN worker.schedules.override_on_missed IS 'Another rule for missed occurrences';
COMMENT ON COLUMN worker.schedules.override_overlap IS 'Another rule for overlapping occurrences';
COMMENT ON COLUMN worker.schedules.override_expires IS 'Another time to start within; none for no limit';
COMMENT ON COLUMN worker.schedules.override_jitter IS 'Another spread of the starts';
COMMENT ON COLUMN worker.schedules.overridden_by IS 'Who changed it last';
COMMENT ON COLUMN worker.schedules.overridden_at IS 'When';
COMMENT ON COLUMN worker.schedules.overridden_note IS 'Why';
