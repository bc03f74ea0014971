-- Who did what in the panel, when and from where. Written before it is done; removed by age, see
-- panel.keep_deeds_hours. Never a payload.

CREATE TABLE worker.panel_deeds (
    deed_id      bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    installation text        NOT NULL,
    done_at      timestamptz NOT NULL DEFAULT now(),
    who          text        NOT NULL CHECK (length(who) <= 100),
    what         text        NOT NULL CHECK (length(what) <= 100),
    target       text        NOT NULL CHECK (length(target) <= 500),
    detail       text        NOT NULL CHECK (length(detail) <= 2000),
    from_address inet
);

CREATE INDEX panel_deeds_done_at ON worker.panel_deeds (done_at);
CREATE INDEX panel_deeds_who ON worker.panel_deeds (installation, who, deed_id);

COMMENT ON TABLE worker.panel_deeds IS 'One row per action of a person in the panel';
COMMENT ON COLUMN worker.panel_deeds.deed_id IS 'Its number; later ones are higher';
COMMENT ON COLUMN worker.panel_deeds.installation IS 'redis.prefix of the panel: each installation sees its own';
COMMENT ON COLUMN worker.panel_deeds.done_at IS 'When it was asked for';
COMMENT ON COLUMN worker.panel_deeds.who IS 'The name of the account';
COMMENT ON COLUMN worker.panel_deeds.what IS 'What was done, such as queue.pause or job.retry';
COMMENT ON COLUMN worker.panel_deeds.target IS 'What it was done to: a queue, a job, a worker';
COMMENT ON COLUMN worker.panel_deeds.detail IS 'A reason, a filter, a number';
COMMENT ON COLUMN worker.panel_deeds.from_address IS 'Where the request came from';
