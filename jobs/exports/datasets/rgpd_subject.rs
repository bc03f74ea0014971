//! `rgpd_subject`: everything the CRM keeps about one account, for the person it belongs to.
//!
//! A table like the others, put together from the tables that mention an account: one row a
//! record, as JSON, with the section it goes into. No secret is part of it: not the password, not
//! the tokens of mailboxes, not the codes of the second factor. Mails appear with who wrote to
//! whom, when and about what; their texts belong to their writers as well and stay out.

use crate::exports::cells::Cell::Verbatim;
use crate::exports::columns::Column;
use crate::exports::dataset::{Dataset, Owner, sort};
use crate::exports::filters::{Filter, Test};
use crate::exports::format::Format;

/// The sections, in the order of the file.
pub(in crate::exports) const SECTIONS: [&str; 9] = [
    "user",
    "people",
    "organisations",
    "interactions",
    "tasks",
    "emails",
    "email_accounts",
    "notifications",
    "access_logs",
];

pub(super) static RGPD_SUBJECT: Dataset = Dataset {
    name: "rgpd_subject",
    titles: ["Données personnelles", "Personal data"],
    table: RECORDS,
    owner: Owner::Subject,
    resource: "USERS",
    formats: &[Format::Json],
    columns: &[
        Column::new("section", "t.place", Verbatim),
        Column::new("record", "t.record", Verbatim),
    ],
    report: &[],
    filters: &[
        Filter::new("user_id", Test::Number("t.subject_id")),
        Filter::new("include_access_logs", Test::Unless("t.place < 8")),
    ],
    sorts: &[sort("section:asc", "t.place, t.id")],
    active: None,
    statistics: &[],
};

/// Each branch has the condition on its account pushed into it by PostgreSQL.
const RECORDS: &str = "(\
SELECT u.id AS subject_id, 0 AS place, u.id, jsonb_build_object('id', u.id, 'email', u.email, \
 'username', u.username, 'full_name', u.full_name, 'is_active', u.is_active, 'is_superuser', u.is_superuser, \
 'role', (SELECT r.name FROM public.roles r WHERE r.id = u.role_id), \
 'team', (SELECT m.name FROM public.teams m WHERE m.id = u.team_id), \
 'last_login_at', u.last_login_at, 'outlook_connected', u.outlook_connected, \
 'outlook_consent_given', u.outlook_consent_given, 'outlook_consent_date', u.outlook_consent_date, \
 'o365_connected', u.o365_connected, 'o365_consent_given', u.o365_consent_given, \
 'o365_consent_date', u.o365_consent_date, 'imap_connected', u.imap_connected, 'imap_email', u.imap_email, \
 'imap_connected_at', u.imap_connected_at, 'cgu_accepted', u.cgu_accepted, 'cgu_accepted_at', u.cgu_accepted_at, \
 'cgu_version', u.cgu_version, 'cgu_acceptance_ip', u.cgu_acceptance_ip, 'totp_enabled', u.totp_enabled, \
 'subscription_status', u.subscription_status, 'trial_started_at', u.trial_started_at, \
 'trial_ends_at', u.trial_ends_at, 'created_at', u.created_at, 'updated_at', u.updated_at)::text AS record \
FROM public.users u \
UNION ALL SELECT u.id, 1, p.id, jsonb_build_object('id', p.id, 'first_name', p.prenom, 'last_name', p.nom, \
 'email', p.email, 'personal_email', p.personal_email, 'phone', p.telephone, 'personal_phone', p.personal_phone, \
 'mobile', p.mobile, 'job_title', p.fonction, 'role', p.role, 'country_code', p.country_code, \
 'language', p.language, 'linkedin_url', p.linkedin_url, 'notes', p.notes, 'is_active', p.is_active, \
 'email_unsubscribed', p.email_unsubscribed, 'gdpr_consent', p.gdpr_consent, \
 'gdpr_consent_date', p.gdpr_consent_date, 'created_at', p.created_at, 'updated_at', p.updated_at)::text \
FROM public.users u JOIN public.people p ON lower(u.email) IN (lower(p.email), lower(p.personal_email)) \
UNION ALL SELECT u.id, 2, o.id, jsonb_build_object('id', o.id, 'name', o.nom, 'is_owner', o.owner_id IS NOT DISTINCT FROM u.id, \
 'is_creator', o.created_by IS NOT DISTINCT FROM u.id, 'is_assignee', o.assigned_to IS NOT DISTINCT FROM u.id, \
 'created_at', o.created_at, 'updated_at', o.updated_at)::text \
FROM public.users u JOIN public.organisations o ON u.id IN (o.owner_id, o.created_by, o.assigned_to) \
UNION ALL SELECT u.id, 3, i.id, jsonb_build_object('id', i.id, 'type', i.type, 'title', i.title, 'body', i.body, \
 'status', i.status, 'interaction_date', i.interaction_date, 'next_action_at', i.next_action_at, \
 'is_creator', i.created_by IS NOT DISTINCT FROM u.id, 'is_assignee', i.assignee_id IS NOT DISTINCT FROM u.id, \
 'created_at', i.created_at, 'updated_at', i.updated_at)::text \
FROM public.users u JOIN public.crm_interactions i ON u.id IN (i.created_by, i.assignee_id) \
UNION ALL SELECT u.id, 4, k.id, jsonb_build_object('id', k.id, 'title', k.title, 'description', k.description, \
 'status', lower(k.status::text), 'priority', lower(k.priority::text), 'category', lower(k.category::text), \
 'due_date', k.due_date, 'completed_at', k.completed_at, 'is_creator', k.created_by IS NOT DISTINCT FROM u.id, \
 'is_assignee', k.assigned_to IS NOT DISTINCT FROM u.id, 'created_at', k.created_at, 'updated_at', k.updated_at)::text \
FROM public.users u JOIN public.tasks k ON u.id IN (k.created_by, k.assigned_to) \
UNION ALL SELECT a.user_id, 5, m.id, jsonb_build_object('id', m.id, 'account', a.email, 'subject', m.subject, \
 'sender_email', m.sender_email, 'sender_name', m.sender_name, 'recipients_to', m.recipients_to, \
 'recipients_cc', m.recipients_cc, 'sent_at', m.sent_at, 'received_at', m.received_at)::text \
FROM public.user_email_accounts a JOIN public.email_messages m ON m.account_id = a.id \
UNION ALL SELECT a.user_id, 6, a.id, jsonb_build_object('id', a.id, 'email', a.email, 'provider', a.provider, \
 'is_active', a.is_active, 'consent_given', a.consent_given, 'consent_date', a.consent_date, \
 'created_at', a.created_at)::text FROM public.user_email_accounts a \
UNION ALL SELECT n.user_id, 7, n.id, jsonb_build_object('id', n.id, 'type', lower(n.type::text), 'title', n.title, \
 'message', n.message, 'is_read', n.is_read, 'read_at', n.read_at, 'created_at', n.created_at)::text \
FROM public.notifications n \
UNION ALL SELECT u.id, 8, l.id, jsonb_build_object('id', l.id, 'entity_type', l.entity_type, \
 'entity_id', l.entity_id, 'access_type', l.access_type, 'endpoint', l.endpoint, 'purpose', l.purpose, \
 'by_user_id', l.user_id, 'ip_address', l.ip_address, 'user_agent', l.user_agent, \
 'accessed_at', l.accessed_at)::text \
FROM public.users u JOIN public.data_access_logs l ON l.user_id = u.id OR (l.entity_type = 'user' AND l.entity_id = u.id))";
