-- The rows that are the same in every size: accounts, rights, products, templates, campaigns.
--
-- Numbers are written out because tests and the generated rows refer to them; sequences are set
-- after everything is loaded. All instants lie around the fixed base, 2026-01-05.

INSERT INTO teams (id, name, description, is_active, created_at, updated_at) VALUES
    (1, 'Paris', 'Siège, clients institutionnels', true, '2023-01-02T09:00:00+01', '2023-01-02T09:00:00+01'),
    (2, 'Lyon', 'Conseillers en gestion de patrimoine', true, '2023-01-02T09:00:00+01', '2025-03-01T10:30:00+01'),
    (3, 'Marseille', NULL, true, '2024-09-02T09:00:00+02', '2024-09-02T09:00:00+02');

INSERT INTO roles (id, name, display_name, description, level, is_active, is_system, created_at) VALUES
    (1, 'admin', 'Administrateur', 'Voit et modifie tout', 3, true, true, '2023-01-02T08:00:00'),
    (2, 'manager', 'Manager', 'Gère son équipe', 2, true, true, '2023-01-02T08:00:00'),
    (3, 'user', 'Utilisateur', 'Gère ses organisations', 1, true, true, '2023-01-02T08:00:00'),
    (4, 'viewer', 'Lecteur', 'Lit les données de son équipe', 0, true, true, '2023-01-02T08:00:00');

INSERT INTO permissions (resource, action, name, display_name, is_active, is_system, created_at)
SELECT resource, action, lower(resource || ':' || action), initcap(action || ' ' || resource),
       true, true, '2023-01-02T08:00:00'
FROM unnest(enum_range(NULL::permissionresource)) WITH ORDINALITY AS r (resource, r_order),
     unnest(enum_range(NULL::permissionaction)) WITH ORDINALITY AS a (action, a_order)
ORDER BY r_order, a_order;

-- Each role has less than the one above it; exports end at the managers.
INSERT INTO role_permissions (role_id, permission_id, created_at)
SELECT roles.id, permissions.id, '2023-01-02T08:00:00'
FROM roles, permissions
WHERE roles.name = 'admin'
   OR (resource IN ('ORGANISATIONS', 'PEOPLE', 'MANDATS', 'INTERACTIONS', 'TASKS', 'DOCUMENTS', 'REPORTS')
       AND ((roles.name = 'manager' AND action IN ('CREATE', 'READ', 'UPDATE', 'DELETE', 'EXPORT'))
            OR (roles.name = 'user' AND action IN ('CREATE', 'READ', 'UPDATE'))
            OR (roles.name = 'viewer' AND action = 'READ')));

INSERT INTO users (
    id, email, username, full_name, role_id, team_id, is_active, is_superuser, last_login_at,
    hashed_password, outlook_connected, outlook_consent_given, o365_connected, o365_consent_given,
    imap_connected, cgu_accepted, totp_enabled, subscription_status, created_at, updated_at
)
SELECT id, name || '@maison.example.org', name, full_name, role_id, team_id, is_active, is_superuser,
       last_login_at::timestamptz, '!', false, false, false, false, false, true, false, 'active',
       '2022-11-15T09:00:00+01', '2025-12-31T18:00:00+01'
FROM (VALUES
    (1, 'claire.aubry', 'Claire Aubry', 1, 1, true, false, '2026-01-04T19:12:00+01'),
    (2, 'mathieu.garance', 'Mathieu Garance', 2, 1, true, false, '2026-01-02T08:55:00+01'),
    (3, 'ines.delorme', 'Inès Delorme', 3, 1, true, false, '2026-01-02T09:10:00+01'),
    (4, 'paul.henrion', 'Paul Henrion', 4, 1, true, false, '2025-12-19T17:00:00+01'),
    (5, 'sylvie.besancon', 'Sylvie Besançon', 2, 2, true, false, '2026-01-03T11:00:00+01'),
    (6, 'karim.haddou', 'Karim Haddou', 3, 2, true, false, '2026-01-02T14:21:00+01'),
    (7, 'lea.orsatelli', 'Léa Orsatelli', 2, 3, true, false, '2025-12-30T10:00:00+01'),
    (8, 'yann.kerbrat', 'Yann Kerbrat', 3, 3, true, false, NULL),
    (9, 'gilles.ancien', 'Gilles Ancien', 3, 1, false, false, '2023-01-09T09:00:00+01'),
    (10, 'nora.sans-equipe', 'Nora Vasseur', 3, NULL, true, false, '2025-12-22T09:00:00+01'),
    (11, 'tom.sans-role', 'Tom Lachaume', NULL, 2, true, false, '2025-12-01T09:00:00+01'),
    (12, 'root', 'Équipe technique', 4, 3, true, true, '2026-01-04T23:59:59+01')
) AS account (id, name, full_name, role_id, team_id, is_active, is_superuser, last_login_at);

INSERT INTO produits (id, name, isin, type, status, notes, created_at, updated_at) VALUES
    (1, 'Belrive Actions Europe', 'FR0099000011', 'OPCVM', 'ACTIF', NULL, '2025-09-01T09:00:00+02', '2025-09-01T09:00:00+02'),
    (2, 'Belrive Obligations Crédit', 'FR0099000029', 'FCP', 'ACTIF', 'Part I, minimum 100 000 €', '2025-09-01T09:00:00+02', '2025-09-01T09:00:00+02'),
    (3, 'Montclar Patrimoine', 'FR0099000037', 'SICAV', 'ACTIF', NULL, '2025-09-01T09:00:00+02', '2025-09-01T09:00:00+02'),
    (4, 'Montclar Climat UCITS ETF', 'LU0099000045', 'ETF', 'EN_ATTENTE', NULL, '2025-09-01T09:00:00+02', '2025-09-01T09:00:00+02'),
    (5, 'Hautecombe Dette Privée II', NULL, 'FONDS_ALTERNATIF', 'ACTIF', 'Fermé aux souscriptions le 31/12', '2025-09-01T09:00:00+02', '2025-09-01T09:00:00+02'),
    (6, 'Ancien Fonds "Équilibre"', 'FR0099000060', 'AUTRE', 'INACTIF', '', '2025-09-01T09:00:00+02', '2025-09-01T09:00:00+02');

INSERT INTO email_configurations (
    id, name, is_active, provider, api_key_encrypted, from_name, from_email,
    rate_limit_per_minute, batch_size, track_opens, track_clicks, created_by, created_at, updated_at
) VALUES
    (1, 'Principal', true, 'resend', 'not-a-token', 'Maison de gestion', 'contact@maison.example.org', 120, 500, true, true, 1, '2025-09-01T09:00:00+02', '2025-09-01T09:00:00+02');

INSERT INTO email_templates (
    id, name, code, category, subject, preheader, html_content, is_active, is_default, tags, created_by, created_at, updated_at
) VALUES
    (1, 'Bienvenue', 'bienvenue', 'WELCOME', 'Bienvenue {{ contact.prenom }}', NULL,
     '<p>Bonjour {{ contact.prenom }} {{ contact.nom }},</p><p><a href="{{ system.unsubscribe_url }}">Se désinscrire</a></p>',
     true, true, '["accueil"]', 1, '2025-09-01T09:00:00+02', '2025-09-01T09:00:00+02'),
    (2, 'Lettre mensuelle', 'lettre-mensuelle', 'NEWSLETTER', 'La lettre de janvier', 'Marchés, taux, perspectives',
     '<h1>La lettre</h1><p>Chère, cher {{ contact.full_name }}, {{ organisation.nom }} …</p>', true, false, '[]', 2, '2025-09-01T09:00:00+02', '2025-09-01T09:00:00+02'),
    (3, 'Relance', NULL, 'FOLLOW_UP', 'Suite à notre échange', NULL, '<p>{{ first_name }}, …</p>', true, false, NULL, 6, '2025-09-01T09:00:00+02', '2025-09-01T09:00:00+02');

-- One campaign for each status, in the order of the labels.
INSERT INTO email_campaigns (
    id, name, description, status, provider, schedule_type, from_name, from_email, reply_to,
    default_template_id, subject, audience_filters, scheduled_at, timezone, track_opens, track_clicks,
    is_ab_test, ab_test_split_percentage, rate_limit_per_minute, total_sent, owner_id, created_at, updated_at
) VALUES
    (1, 'Brouillon de février', NULL, 'DRAFT', 'resend', 'MANUAL', 'Maison de gestion', 'contact@maison.example.org', NULL,
     2, 'La lettre de février', NULL, NULL, NULL, true, true, false, 50, NULL, 0, 2, '2025-12-20T10:00:00+01', '2026-01-02T10:00:00+01'),
    (2, 'Vœux 2026', 'Envoi aux partenaires', 'SCHEDULED', 'resend', 'SCHEDULED', 'Claire Aubry', 'claire.aubry@maison.example.org', NULL,
     1, 'Nos vœux', '{"country_code": "FR"}', '2026-01-08T09:00:00+01', 'Europe/Paris', true, true, false, 50, 60, 0, 1, '2025-12-15T10:00:00+01', '2025-12-15T10:00:00+01'),
    (3, 'Lettre de janvier; test A/B', NULL, 'RUNNING', 'resend', 'IMMEDIATE', 'Maison de gestion', 'contact@maison.example.org', 'reponse@maison.example.org',
     2, 'La lettre de janvier', '{}', '2026-01-04T08:00:00Z', 'Europe/Paris', true, true, true, 30, 120, 0, 2, '2026-01-03T10:00:00+01', '2026-01-04T08:00:00Z'),
    (4, 'Relance CGPI Lyon', '"à reprendre"', 'PAUSED', 'sendgrid', 'IMMEDIATE', 'Sylvie Besançon', 'sylvie.besancon@maison.example.org', NULL,
     3, 'Suite à notre échange', NULL, '2025-12-18T14:00:00+01', NULL, false, false, false, 50, NULL, 0, 5, '2025-12-10T10:00:00+01', '2025-12-19T10:00:00+01'),
    (5, 'Webinaire d''automne', NULL, 'COMPLETED', 'mailgun', 'SCHEDULED', 'Maison de gestion', 'contact@maison.example.org', NULL,
     2, 'Invitation', NULL, '2025-10-06T09:00:00+02', 'Europe/Paris', true, true, false, 50, 120, 0, 7, '2025-09-20T10:00:00+02', '2025-10-06T12:00:00+02'),
    (6, '=Campagne annulée', NULL, 'CANCELLED', 'resend', 'RECURRING', 'Maison de gestion', 'contact@maison.example.org', NULL,
     NULL, NULL, NULL, '2025-11-03T09:00:00+01', 'Europe/Paris', true, true, false, 50, NULL, 0, NULL, '2025-10-20T10:00:00+02', '2025-11-02T10:00:00+01');

-- Two steps each, the second two days later; the A/B campaign splits its first step.
INSERT INTO email_campaign_steps (id, campaign_id, template_id, subject, order_index, delay_hours, variant, created_at, updated_at)
SELECT (campaign.id - 1) * 2 + step, campaign.id, campaign.default_template_id, campaign.subject, step,
       (step - 1) * 48, CASE WHEN is_ab_test THEN (ARRAY['A', 'B'])[step]::emailvariant END,
       campaign.created_at, campaign.updated_at
FROM email_campaigns AS campaign, generate_series(1, 2) AS step
ORDER BY campaign.id, step;

INSERT INTO email_send_batches (
    id, campaign_id, name, status, scheduled_at, total_recipients, sent_count, delivered_count,
    opened_count, clicked_count, bounced_count, failed_count, created_at, updated_at
)
SELECT id, id, 'Lot ' || id, CASE WHEN status = 'COMPLETED' THEN 'SENT' ELSE 'SCHEDULED' END::emailsendstatus,
       scheduled_at, 0, 0, 0, 0, 0, 0, 0, created_at, updated_at
FROM email_campaigns
WHERE status <> 'DRAFT';

INSERT INTO mailing_lists (
    id, name, description, target_type, filters, recipient_count, last_used_at, is_active, created_by, created_at, updated_at
) VALUES
    (1, 'Tous les contacts', NULL, 'contacts', '{}', 0, '2026-01-04T08:00:00Z', true, 1, '2023-02-01T09:00:00+01', '2026-01-04T08:00:00Z'),
    (2, 'CGPI, région lyonnaise', 'Liste "métier"', 'organisations', '{"category": "CGPI", "ville": "Lyon"}', 0, NULL, true, 5, '2024-05-01T09:00:00+02', '2024-05-01T09:00:00+02'),
    (3, 'Anglophones', E'Une ligne\nune autre', 'contacts', '{"language": "en"}', 0, '2025-06-01T08:00:00+02', true, 2, '2024-05-02T09:00:00+02', '2025-06-01T08:00:00+02'),
    (4, '+33 Family offices', '', 'organisations', '{"category": ["AUTRES", "INSTITUTION"]}', 0, NULL, true, 7, '2025-01-02T09:00:00+01', '2025-01-02T09:00:00+01'),
    (5, 'Liste retirée', NULL, 'contacts', '{"ids": [1, 2, 3]}', 3, '2023-06-01T08:00:00+02', false, NULL, '2023-05-02T09:00:00+02', '2023-06-01T08:00:00+02');
