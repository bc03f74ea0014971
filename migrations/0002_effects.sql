-- What must not happen twice, by its key: reserved before it runs, confirmed with its answer
-- afterwards. Written by the worker; a person decides what is unknown (crm-worker effects).

CREATE TABLE worker.effects (
    key         text PRIMARY KEY CHECK (octet_length(key) BETWEEN 1 AND 200),
    state       text        NOT NULL CHECK (state IN ('reserved', 'confirmed', 'released', 'unknown')),
    call        text        NOT NULL,
    job_id      text        NOT NULL,
    kind        text        NOT NULL,
    attempt     integer     NOT NULL CHECK (attempt >= 0),
    fence       bigint      NOT NULL CHECK (fence >= 0),
    answer      json,
    reserved_at timestamptz NOT NULL,
    over_at     timestamptz NOT NULL,
    settled_at  timestamptz,
    note        text,
    CONSTRAINT effects_confirmed_has_an_answer CHECK (state <> 'confirmed' OR answer IS NOT NULL),
    CONSTRAINT effects_settled_has_a_time CHECK (state = 'reserved' OR settled_at IS NOT NULL)
);

CREATE INDEX effects_settled_at ON worker.effects (settled_at) WHERE state IN ('confirmed', 'released');
CREATE INDEX effects_open ON worker.effects (reserved_at) WHERE state IN ('reserved', 'unknown');

COMMENT ON TABLE worker.effects IS 'One row per effect that must not happen twice; confirmed and released ones leave by age, open ones never';
COMMENT ON COLUMN worker.effects.key IS 'Names the effect for ever, such as mail:send:42; never personal data';
COMMENT ON COLUMN worker.effects.state IS 'reserved (somebody runs it, or died with it), confirmed (it happened), released (it did not), unknown';
COMMENT ON COLUMN worker.effects.call IS 'The call that reserved it last; every change names the call it has seen';
COMMENT ON COLUMN worker.effects.job_id IS 'The job of that call';
COMMENT ON COLUMN worker.effects.kind IS 'The kind of that job';
COMMENT ON COLUMN worker.effects.attempt IS 'Its attempt, from 1';
COMMENT ON COLUMN worker.effects.fence IS 'The fence of that attempt; an attempt with a smaller one has lost its lease';
COMMENT ON COLUMN worker.effects.answer IS 'What it answered, at most 16 KB; json, so that it comes back as it was given';
COMMENT ON COLUMN worker.effects.reserved_at IS 'When that call reserved it';
COMMENT ON COLUMN worker.effects.over_at IS 'From when that call certainly runs no more';
COMMENT ON COLUMN worker.effects.settled_at IS 'When it was confirmed, released or found to be unknown';
COMMENT ON COLUMN worker.effects.note IS 'What the person wrote who decided it';
