-- What maintenance.report_compliance counted, one row a day on which it ran.

CREATE TABLE worker.compliance_reports (
    day     date PRIMARY KEY,
    made_at timestamptz NOT NULL,
    report  jsonb NOT NULL
);

COMMENT ON TABLE worker.compliance_reports IS 'Counts of accounts and of accesses to personal data; written by maintenance.report_compliance, kept for ever';
COMMENT ON COLUMN worker.compliance_reports.day IS 'The day in Paris';
COMMENT ON COLUMN worker.compliance_reports.made_at IS 'When it was made; a second run of the day replaces the first';
COMMENT ON COLUMN worker.compliance_reports.report IS 'Numbers only: users, active_users, anonymised_users, dormant_users, accesses by type within 30 days';
