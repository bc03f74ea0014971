-- Bearer tokens of the HTTP API. Written by `crm-worker tokens`, read by the panel. A token itself is
-- shown once and never stored: only its SHA-256 is here, which is enough to recognise 256 random bits.

CREATE TABLE worker.api_tokens (
    token_id     bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    installation text        NOT NULL,
    name         text        NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
    sha256       bytea       NOT NULL UNIQUE CHECK (octet_length(sha256) = 32),
    scopes       text[]      NOT NULL CHECK (cardinality(scopes) > 0),
    kinds        text[]      NOT NULL DEFAULT '{}',
    queues       text[]      NOT NULL DEFAULT '{}',
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz,
    last_used_at timestamptz,
    revoked_at   timestamptz
);

CREATE UNIQUE INDEX api_tokens_name ON worker.api_tokens (installation, name) WHERE revoked_at IS NULL;

COMMENT ON TABLE worker.api_tokens IS 'One row per token of the HTTP API; those that were revoked or expired leave after 90 days';
COMMENT ON COLUMN worker.api_tokens.token_id IS 'Its number; part of what a repeated request is recognised by';
COMMENT ON COLUMN worker.api_tokens.installation IS 'redis.prefix of whoever created it: it is good for that installation only';
COMMENT ON COLUMN worker.api_tokens.name IS 'Who uses it; only one token that is not revoked has it';
COMMENT ON COLUMN worker.api_tokens.sha256 IS 'SHA-256 of the token';
COMMENT ON COLUMN worker.api_tokens.scopes IS 'What it may do: jobs:enqueue, jobs:read, jobs:cancel, payloads:read';
COMMENT ON COLUMN worker.api_tokens.kinds IS 'Only these kinds, such as exports.*; empty for all';
COMMENT ON COLUMN worker.api_tokens.queues IS 'Only these queues; empty for all';
COMMENT ON COLUMN worker.api_tokens.created_at IS 'When it was created';
COMMENT ON COLUMN worker.api_tokens.expires_at IS 'From when on it is refused; null for never';
COMMENT ON COLUMN worker.api_tokens.last_used_at IS 'When it was last used, a minute or so late; null for never';
COMMENT ON COLUMN worker.api_tokens.revoked_at IS 'When it was revoked; null for not';
