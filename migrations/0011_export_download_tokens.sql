-- The right to download one finished export, for links that browsers follow without a login.

ALTER TABLE worker.exports ADD COLUMN download_token text;

COMMENT ON COLUMN worker.exports.download_token IS
    'Signed token of the ready file, good until expires_at; null if exports.url_secret is not set';
