-- The tables of the CRM that the worker lives beside, for tests and demo data only.
--
-- Column names, types, order and constraints follow the live database as facts; the worker itself
-- never creates or alters any of these. Enum labels are exactly what is stored: some types hold
-- upper-case names, others lower-case values. Order: types, then tables so that each reference
-- points upwards, then the one circular reference, then indexes.

-- # Types

-- Organisations, people, mandates.
CREATE TYPE organisationtype AS ENUM (
    'INVESTOR', 'CLIENT', 'FOURNISSEUR', 'DISTRIBUTEUR', 'EMETTEUR', 'AUTRE'
);
CREATE TYPE organisationcategory AS ENUM (
    'INSTITUTION', 'WHOLESALE', 'SDG', 'CGPI', 'AUTRES', 'STARTUP', 'CORPORATION'
);
CREATE TYPE pipelinestage AS ENUM (
    'LEAD', 'QUALIFIED', 'PROSPECT', 'QUALIFICATION', 'PROPOSITION', 'NEGOCIATION', 'SIGNE',
    'PERDU', 'INACTIF'
);
CREATE TYPE personrole AS ENUM (
    'CONTACT_PRINCIPAL', 'CONTACT_SECONDAIRE', 'DECIDEUR', 'TECHNIQUE', 'ADMINISTRATIF', 'AUTRE'
);
CREATE TYPE mandattype AS ENUM ('VENTE', 'ACQUISITION', 'DISTRIBUTION');
CREATE TYPE mandatstatus AS ENUM ('PROPOSE', 'SIGNE', 'ACTIF', 'TERMINE');
CREATE TYPE produittype AS ENUM ('OPCVM', 'FCP', 'SICAV', 'ETF', 'FONDS_ALTERNATIF', 'AUTRE');
CREATE TYPE produitstatus AS ENUM ('ACTIF', 'INACTIF', 'EN_ATTENTE');

-- Rights.
CREATE TYPE permissionresource AS ENUM (
    'ORGANISATIONS', 'PEOPLE', 'MANDATS', 'INTERACTIONS', 'TASKS', 'DOCUMENTS', 'USERS', 'ROLES',
    'PERMISSIONS', 'TEAMS', 'SETTINGS', 'REPORTS'
);
CREATE TYPE permissionaction AS ENUM ('CREATE', 'READ', 'UPDATE', 'DELETE', 'EXPORT', 'IMPORT', 'MANAGE');

-- Interactions and to-dos; the first two are stored in lower case.
CREATE TYPE interaction_type AS ENUM ('call', 'email', 'meeting', 'visio', 'note', 'other');
CREATE TYPE interaction_status AS ENUM ('todo', 'in_progress', 'done');
CREATE TYPE interactiontype AS ENUM ('APPEL', 'EMAIL', 'REUNION', 'WEBINAIRE', 'AUTRE');
CREATE TYPE interactionpipeline AS ENUM ('FOURNISSEUR', 'VENTE');
CREATE TYPE interactionstatus AS ENUM (
    'PROSPECT_FROID', 'PROSPECT_CHAUD', 'REFUS', 'EN_DISCUSSION', 'VALIDE'
);
CREATE TYPE organisationactivitytype AS ENUM (
    'NOTE', 'APPEL', 'EMAIL', 'REUNION', 'TACHE_COMPLETEE', 'CHANGEMENT_STAGE',
    'ORGANISATION_CREATED', 'ORGANISATION_UPDATED', 'ORGANISATION_DELETED', 'MANDAT_CREATED',
    'MANDAT_UPDATED', 'MANDAT_SIGNED', 'AUTRE'
);
CREATE TYPE taskstatus AS ENUM ('TODO', 'DOING', 'DONE', 'CANCELLED');
CREATE TYPE taskpriority AS ENUM ('BASSE', 'MOYENNE', 'HAUTE', 'CRITIQUE');
CREATE TYPE taskcategory AS ENUM (
    'RELANCE', 'RDV', 'EMAIL', 'DUE_DILIGENCE', 'PITCH', 'NEGOCIATION', 'ADMIN', 'AUTRE'
);

-- Campaigns; provider and status of the older tracking table are lower case.
CREATE TYPE emailprovider AS ENUM ('sendgrid', 'mailgun', 'resend');
CREATE TYPE email_status AS ENUM ('sent', 'opened', 'clicked', 'bounced');
CREATE TYPE emailtemplatecategory AS ENUM (
    'WELCOME', 'FOLLOW_UP', 'NEWSLETTER', 'CASE_STUDY', 'EVENT', 'ONBOARDING', 'CUSTOM'
);
CREATE TYPE emailcampaignstatus AS ENUM ('DRAFT', 'SCHEDULED', 'RUNNING', 'PAUSED', 'COMPLETED', 'CANCELLED');
CREATE TYPE emailscheduletype AS ENUM ('MANUAL', 'IMMEDIATE', 'SCHEDULED', 'RECURRING');
CREATE TYPE emailcampaigneventtrigger AS ENUM (
    'PROCESSED', 'DELIVERED', 'OPENED', 'CLICKED', 'BOUNCED', 'DROPPED', 'SPAM_REPORT',
    'UNSUBSCRIBED', 'GROUP_UNSUBSCRIBE', 'GROUP_RESUBSCRIBE', 'DEFERRED'
);
CREATE TYPE emailvariant AS ENUM ('A', 'B');
CREATE TYPE emailsendstatus AS ENUM (
    'QUEUED', 'SCHEDULED', 'SENDING', 'SENT', 'DELIVERED', 'OPENED', 'CLICKED', 'FAILED', 'BOUNCED',
    'UNSUBSCRIBED', 'COMPLAINED'
);
CREATE TYPE emaileventtype AS ENUM (
    'PROCESSED', 'DELIVERED', 'OPENED', 'CLICKED', 'BOUNCED', 'DROPPED', 'SPAM_REPORT',
    'UNSUBSCRIBED', 'GROUP_UNSUBSCRIBE', 'GROUP_RESUBSCRIBE', 'DEFERRED'
);

-- Assistant.
CREATE TYPE aiprovider AS ENUM ('CLAUDE', 'OPENAI', 'OLLAMA', 'CUSTOM');
CREATE TYPE aitasktype AS ENUM (
    'DUPLICATE_SCAN', 'BULK_ENRICHMENT', 'QUALITY_CHECK', 'AUTO_CATEGORIZE', 'CONTACT_EXTRACTION'
);
CREATE TYPE aiexecutionstatus AS ENUM ('PENDING', 'RUNNING', 'SUCCESS', 'FAILED', 'PARTIAL', 'CANCELLED');
CREATE TYPE aisuggestiontype AS ENUM (
    'DUPLICATE_DETECTION', 'DATA_ENRICHMENT', 'DATA_QUALITY', 'DATA_CORRECTION',
    'WORKFLOW_SUGGESTION', 'CATEGORIZATION', 'CONTACT_EXTRACTION'
);
CREATE TYPE aisuggestionstatus AS ENUM ('PENDING', 'APPROVED', 'REJECTED', 'APPLIED', 'EXPIRED');

-- Automation and notices.
CREATE TYPE workflowstatus AS ENUM ('ACTIVE', 'INACTIVE', 'DRAFT');
CREATE TYPE workflowtriggertype AS ENUM (
    'ORGANISATION_CREATED', 'ORGANISATION_UPDATED', 'DEAL_CREATED', 'DEAL_UPDATED',
    'DEAL_STAGE_CHANGED', 'SCHEDULED', 'INACTIVITY_DELAY', 'WEBHOOK_RECEIVED'
);
CREATE TYPE workflowexecutionstatus AS ENUM ('PENDING', 'RUNNING', 'SUCCESS', 'FAILED', 'SKIPPED');
CREATE TYPE notificationtype AS ENUM (
    'SYSTEM', 'TASK_ASSIGNED', 'TASK_DUE', 'TASK_COMPLETED', 'PIPELINE_MOVED', 'MANDAT_SIGNED',
    'MANDAT_EXPIRING_SOON', 'EXPORT_READY', 'WORKFLOW_EXECUTED', 'DEAL_WON', 'DEAL_LOST',
    'NEW_CONTACT', 'SYSTEM_ERROR', 'AUTRE'
);
CREATE TYPE notificationpriority AS ENUM ('LOW', 'NORMAL', 'HIGH', 'URGENT');

-- # Accounts and rights

CREATE TABLE teams (
    name        varchar(255) NOT NULL,
    description text,
    is_active   boolean NOT NULL,
    id          serial PRIMARY KEY,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);

-- level orders the roles: admin 3, manager 2, user 1, viewer 0.
CREATE TABLE roles (
    id           serial PRIMARY KEY,
    name         varchar(50) NOT NULL,
    display_name varchar(100) NOT NULL,
    description  text,
    level        integer NOT NULL,
    is_active    boolean,
    is_system    boolean,
    created_at   timestamp NOT NULL,
    updated_at   timestamp
);

-- resource and action say what; name is the key the code looks up.
CREATE TABLE permissions (
    id           serial PRIMARY KEY,
    resource     permissionresource NOT NULL,
    action       permissionaction NOT NULL,
    name         varchar(100) NOT NULL,
    display_name varchar(200) NOT NULL,
    description  text,
    is_active    boolean,
    is_system    boolean,
    created_at   timestamp NOT NULL,
    updated_at   timestamp,
    UNIQUE (name)
);

CREATE TABLE role_permissions (
    role_id       integer NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    permission_id integer NOT NULL REFERENCES permissions (id) ON DELETE CASCADE,
    created_at    timestamp,
    PRIMARY KEY (role_id, permission_id)
);

-- Three generations of mailbox secrets live here side by side: outlook, o365, imap.
CREATE TABLE users (
    email                           varchar(255) NOT NULL,
    username                        varchar(150),
    full_name                       varchar(255),
    hashed_password                 varchar(255) NOT NULL,
    is_active                       boolean NOT NULL,
    is_superuser                    boolean NOT NULL,
    last_login_at                   timestamptz,
    role_id                         integer REFERENCES roles (id) ON DELETE SET NULL,
    team_id                         integer REFERENCES teams (id) ON DELETE SET NULL,
    outlook_connected               boolean NOT NULL,
    encrypted_outlook_access_token  text,
    encrypted_outlook_refresh_token text,
    outlook_token_expires_at        timestamptz,
    outlook_consent_given           boolean NOT NULL,
    outlook_consent_date            timestamptz,
    o365_connected                  boolean NOT NULL,
    encrypted_o365_access_token     text,
    encrypted_o365_refresh_token    text,
    o365_token_expires_at           timestamptz,
    o365_consent_given              boolean NOT NULL,
    o365_consent_date               timestamptz,
    imap_connected                  boolean NOT NULL,
    imap_host                       varchar(255),
    imap_email                      varchar(255),
    encrypted_imap_password         text,
    imap_connected_at               timestamptz,
    cgu_accepted                    boolean NOT NULL,
    cgu_accepted_at                 timestamptz,
    cgu_version                     varchar(20),
    cgu_acceptance_ip               varchar(45),
    totp_secret                     varchar(32),
    totp_enabled                    boolean NOT NULL,
    totp_enabled_at                 timestamptz,
    backup_codes                    text,
    trial_started_at                timestamptz,
    trial_ends_at                   timestamptz,
    trial_extended_at               timestamptz,
    trial_converted_at              timestamptz,
    subscription_status             varchar(20) NOT NULL,
    reset_token                     varchar(255),
    reset_token_expires_at          timestamptz,
    id                              serial PRIMARY KEY,
    created_at                      timestamptz NOT NULL DEFAULT now(),
    updated_at                      timestamptz NOT NULL DEFAULT now()
);

-- # Organisations and people

-- Tenancy follows the team of owner_id; search_vector is plain text here.
CREATE TABLE organisations (
    nom                   varchar(255) NOT NULL,
    type                  organisationtype NOT NULL,
    category              organisationcategory,
    search_vector         text,
    aum                   numeric(20,2),
    aum_date              date,
    strategies            json,
    email                 varchar(255),
    telephone             varchar(50),
    website               varchar(255),
    adresse               text,
    ville                 varchar(100),
    code_postal           varchar(20),
    pays                  varchar(100),
    country_code          varchar(2),
    domicile              varchar(255),
    language              varchar(5) NOT NULL,
    notes                 text,
    description           text,
    tags                  json,
    is_active             boolean,
    email_unsubscribed    boolean NOT NULL,
    created_by            integer REFERENCES users (id) ON DELETE SET NULL,
    assigned_to           integer REFERENCES users (id) ON DELETE SET NULL,
    owner_id              integer REFERENCES users (id) ON DELETE SET NULL,
    pipeline_stage        pipelinestage NOT NULL,
    montant_potentiel     numeric(15,2),
    date_signature        date,
    probabilite_signature integer,
    is_anonymized         boolean NOT NULL,
    gdpr_consent          boolean,
    gdpr_consent_date     timestamptz,
    anonymized_at         timestamptz,
    last_activity_date    timestamptz,
    id                    serial PRIMARY KEY,
    created_at            timestamptz NOT NULL DEFAULT now(),
    updated_at            timestamptz NOT NULL DEFAULT now(),
    CHECK (probabilite_signature IS NULL OR probabilite_signature BETWEEN 0 AND 100)
);

-- No team and no owner: a person is reached through its organisations.
CREATE TABLE people (
    prenom             varchar(100),
    nom                varchar(100),
    email              varchar(255),
    personal_email     varchar(255),
    telephone          varchar(50),
    personal_phone     varchar(50),
    mobile             varchar(50),
    fonction           varchar(200),
    role               varchar(150),
    country_code       varchar(2),
    language           varchar(5),
    notes              text,
    linkedin_url       varchar(500),
    is_active          boolean,
    email_unsubscribed boolean NOT NULL,
    is_anonymized      boolean NOT NULL,
    gdpr_consent       boolean,
    gdpr_consent_date  timestamptz,
    anonymized_at      timestamptz,
    last_activity_date timestamptz,
    id                 serial PRIMARY KEY,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE person_organization_links (
    person_id         integer NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    organisation_id   integer NOT NULL REFERENCES organisations (id) ON DELETE CASCADE,
    role              personrole NOT NULL,
    organization_type organisationtype NOT NULL,
    is_primary        boolean,
    job_title         varchar(200),
    work_email        varchar(255),
    work_phone        varchar(50),
    notes             text,
    id                serial PRIMARY KEY,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    UNIQUE (person_id, organisation_id)
);

CREATE TABLE organisation_contacts (
    organisation_id integer NOT NULL REFERENCES organisations (id),
    name            varchar(255) NOT NULL,
    email           varchar(255),
    phone           varchar(20),
    title           varchar(255),
    notes           text,
    id              serial PRIMARY KEY,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now()
);

-- confidence_score 0 marks personal mail domains.
CREATE TABLE known_companies (
    id               serial PRIMARY KEY,
    domain           varchar(255) NOT NULL,
    company_name     varchar(255) NOT NULL,
    company_website  varchar(500),
    company_linkedin varchar(500),
    industry         varchar(100),
    country_code     varchar(2),
    verified         boolean NOT NULL DEFAULT false,
    confidence_score double precision NOT NULL DEFAULT '0.8'::double precision,
    source           varchar(50) NOT NULL DEFAULT 'manual',
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now()
);

-- # Products and mandates

CREATE TABLE produits (
    name       varchar(255) NOT NULL,
    isin       varchar(12),
    type       produittype NOT NULL,
    status     produitstatus NOT NULL,
    notes      text,
    id         serial PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- Uses the same status type as mandats_distribution.
CREATE TABLE mandats (
    organisation_id integer NOT NULL REFERENCES organisations (id) ON DELETE CASCADE,
    number          varchar(100),
    type            mandattype NOT NULL,
    status          mandatstatus NOT NULL,
    start_date      timestamptz,
    end_date        timestamptz,
    amount          numeric(15,2),
    description     text,
    conditions      text,
    owner_id        integer REFERENCES users (id) ON DELETE SET NULL,
    id              serial PRIMARY KEY,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE mandats_distribution (
    organisation_id integer NOT NULL REFERENCES organisations (id),
    status          mandatstatus NOT NULL,
    date_signature  date,
    date_debut      date,
    date_fin        date,
    notes           text,
    id              serial PRIMARY KEY,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE mandat_produits (
    mandat_id  integer NOT NULL REFERENCES mandats_distribution (id),
    produit_id integer NOT NULL REFERENCES produits (id),
    date_ajout date,
    notes      text,
    id         serial PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- # Interactions, activities and to-dos

-- email_thread_id gets its foreign key at the end of the file: the reference is circular.
CREATE TABLE crm_interactions (
    org_id                integer REFERENCES organisations (id) ON DELETE SET NULL,
    person_id             integer REFERENCES people (id) ON DELETE SET NULL,
    type                  interaction_type NOT NULL,
    title                 varchar(200) NOT NULL,
    body                  text,
    created_by            integer NOT NULL REFERENCES users (id),
    attachments           json NOT NULL,
    external_participants json NOT NULL,
    external_source       varchar(50),
    external_id           varchar(500),
    direction             varchar(20),
    email_thread_id       integer,
    thread_id             varchar(255),
    interaction_date      timestamptz,
    status                interaction_status NOT NULL DEFAULT 'todo',
    assignee_id           integer REFERENCES users (id) ON DELETE SET NULL,
    next_action_at        timestamptz,
    notified_at           timestamptz,
    linked_task_id        integer,
    linked_event_id       integer,
    id                    serial PRIMARY KEY,
    created_at            timestamptz NOT NULL DEFAULT now(),
    updated_at            timestamptz NOT NULL DEFAULT now(),
    CHECK (org_id IS NOT NULL OR person_id IS NOT NULL)
);

CREATE TABLE interaction_participants (
    interaction_id integer NOT NULL REFERENCES crm_interactions (id) ON DELETE CASCADE,
    person_id      integer NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    role           varchar(80),
    present        boolean NOT NULL DEFAULT true,
    PRIMARY KEY (interaction_id, person_id)
);

CREATE TABLE organisation_interactions (
    organisation_id  integer NOT NULL REFERENCES organisations (id),
    personne_id      integer REFERENCES people (id),
    produit_id       integer REFERENCES produits (id),
    date             date NOT NULL,
    type             interactiontype NOT NULL,
    pipeline         interactionpipeline NOT NULL,
    status           interactionstatus,
    duration_minutes integer,
    subject          varchar(255),
    notes            text,
    id               serial PRIMARY KEY,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE organisation_activities (
    organisation_id integer NOT NULL REFERENCES organisations (id) ON DELETE CASCADE,
    type            organisationactivitytype NOT NULL,
    title           varchar(500),
    description     text,
    metadata        json,
    created_by      integer REFERENCES users (id) ON DELETE SET NULL,
    occurred_at     timestamptz NOT NULL,
    id              serial PRIMARY KEY,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE activity_participants (
    activity_id       integer NOT NULL REFERENCES organisation_activities (id) ON DELETE CASCADE,
    person_id         integer REFERENCES people (id) ON DELETE CASCADE,
    organisation_id   integer REFERENCES organisations (id) ON DELETE CASCADE,
    external_name     varchar(255),
    external_email    varchar(255),
    external_role     varchar(255),
    is_organizer      boolean,
    attendance_status varchar(50),
    notes             varchar(500),
    id                serial PRIMARY KEY,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE activity_attachments (
    activity_id integer NOT NULL REFERENCES organisation_activities (id) ON DELETE CASCADE,
    filename    varchar(255) NOT NULL,
    file_path   varchar(500) NOT NULL,
    file_size   bigint,
    mime_type   varchar(100),
    title       varchar(255),
    notes       text,
    id          serial PRIMARY KEY,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE tasks (
    title           varchar(500) NOT NULL,
    description     text,
    status          taskstatus NOT NULL,
    priority        taskpriority NOT NULL,
    category        taskcategory NOT NULL,
    due_date        timestamptz,
    completed_at    timestamptz,
    assigned_to     integer REFERENCES users (id) ON DELETE SET NULL,
    created_by      integer REFERENCES users (id) ON DELETE SET NULL,
    organisation_id integer REFERENCES organisations (id) ON DELETE CASCADE,
    person_id       integer REFERENCES people (id) ON DELETE SET NULL,
    id              serial PRIMARY KEY,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE dashboard_kpis (
    organisation_id integer NOT NULL REFERENCES organisations (id) ON DELETE CASCADE,
    year            integer NOT NULL,
    month           integer NOT NULL,
    rdv_count       integer NOT NULL,
    pitchs          integer NOT NULL,
    due_diligences  integer NOT NULL,
    closings        integer NOT NULL,
    revenue         double precision NOT NULL,
    commission_rate double precision,
    notes           varchar,
    auto_generated  boolean NOT NULL,
    data_source     varchar(255),
    id              serial PRIMARY KEY,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (organisation_id, year, month)
);

-- # Campaigns

-- api_key_encrypted is a Fernet token.
CREATE TABLE email_configurations (
    name                  varchar(100) NOT NULL,
    description           text,
    is_active             boolean NOT NULL,
    provider              emailprovider NOT NULL,
    api_key_encrypted     text NOT NULL,
    provider_config       text,
    from_name             varchar(100),
    from_email            varchar(255),
    reply_to              varchar(255),
    rate_limit_per_minute integer NOT NULL,
    batch_size            integer NOT NULL,
    track_opens           boolean NOT NULL,
    track_clicks          boolean NOT NULL,
    created_by            integer REFERENCES users (id),
    updated_by            integer REFERENCES users (id),
    last_tested_at        timestamp,
    test_status           varchar(20),
    test_error            text,
    id                    serial PRIMARY KEY,
    created_at            timestamptz NOT NULL DEFAULT now(),
    updated_at            timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE email_templates (
    name         varchar(255) NOT NULL,
    code         varchar(128),
    description  varchar(500),
    category     emailtemplatecategory NOT NULL,
    subject      varchar(255) NOT NULL,
    preheader    varchar(255),
    html_content text NOT NULL,
    design_json  json,
    is_active    boolean NOT NULL,
    is_default   boolean NOT NULL,
    tags         json,
    created_by   integer REFERENCES users (id) ON DELETE SET NULL,
    last_used_at timestamptz,
    id           serial PRIMARY KEY,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    UNIQUE (code)
);

CREATE TABLE email_campaigns (
    name                     varchar(255) NOT NULL,
    description              text,
    status                   emailcampaignstatus NOT NULL,
    provider                 emailprovider NOT NULL,
    schedule_type            emailscheduletype NOT NULL,
    from_name                varchar(255) NOT NULL,
    from_email               varchar(255) NOT NULL,
    reply_to                 varchar(255),
    default_template_id      integer REFERENCES email_templates (id) ON DELETE SET NULL,
    subject                  varchar(255),
    preheader                varchar(255),
    audience_filters         json,
    audience_snapshot        json,
    scheduled_at             timestamptz,
    timezone                 varchar(64),
    track_opens              boolean NOT NULL,
    track_clicks             boolean NOT NULL,
    is_ab_test               boolean NOT NULL,
    ab_test_split_percentage integer NOT NULL,
    rate_limit_per_minute    integer,
    total_recipients         integer,
    total_sent               integer NOT NULL,
    last_sent_at             timestamptz,
    owner_id                 integer REFERENCES users (id) ON DELETE SET NULL,
    id                       serial PRIMARY KEY,
    created_at               timestamptz NOT NULL DEFAULT now(),
    updated_at               timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE email_campaign_steps (
    campaign_id       integer NOT NULL REFERENCES email_campaigns (id) ON DELETE CASCADE,
    template_id       integer REFERENCES email_templates (id) ON DELETE SET NULL,
    subject           varchar(255),
    preheader         varchar(255),
    order_index       integer NOT NULL,
    delay_hours       integer NOT NULL,
    wait_for_event    emailcampaigneventtrigger,
    variant           emailvariant,
    send_window_hours integer,
    metadata          json,
    id                serial PRIMARY KEY,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now()
);

-- status shares its type with email_sends.
CREATE TABLE email_send_batches (
    campaign_id      integer NOT NULL REFERENCES email_campaigns (id) ON DELETE CASCADE,
    name             varchar(255) NOT NULL,
    status           emailsendstatus NOT NULL,
    scheduled_at     timestamptz,
    sent_at          timestamptz,
    completed_at     timestamptz,
    total_recipients integer NOT NULL,
    sent_count       integer NOT NULL,
    delivered_count  integer NOT NULL,
    opened_count     integer NOT NULL,
    clicked_count    integer NOT NULL,
    bounced_count    integer NOT NULL,
    failed_count     integer NOT NULL,
    id               serial PRIMARY KEY,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE email_sends (
    campaign_id         integer NOT NULL REFERENCES email_campaigns (id) ON DELETE CASCADE,
    batch_id            integer REFERENCES email_send_batches (id) ON DELETE CASCADE,
    step_id             integer REFERENCES email_campaign_steps (id) ON DELETE SET NULL,
    template_id         integer REFERENCES email_templates (id) ON DELETE SET NULL,
    recipient_email     varchar(255) NOT NULL,
    recipient_name      varchar(255),
    recipient_person_id integer REFERENCES people (id) ON DELETE SET NULL,
    organisation_id     integer REFERENCES organisations (id) ON DELETE SET NULL,
    variant             emailvariant,
    status              emailsendstatus NOT NULL,
    scheduled_at        timestamptz,
    sent_at             timestamptz,
    provider_message_id varchar(255),
    error_message       text,
    metadata            json,
    id                  serial PRIMARY KEY,
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE email_events (
    send_id             integer NOT NULL REFERENCES email_sends (id) ON DELETE CASCADE,
    event_type          emaileventtype NOT NULL,
    event_at            timestamptz NOT NULL DEFAULT now(),
    provider_event_id   varchar(255),
    provider_message_id varchar(255),
    raw_payload         json,
    ip_address          varchar(64),
    user_agent          varchar(512),
    url                 text,
    id                  serial PRIMARY KEY,
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now()
);

-- The subject is a person or an organisation, never both.
CREATE TABLE campaign_subscriptions (
    campaign_id     integer NOT NULL REFERENCES email_campaigns (id) ON DELETE CASCADE,
    person_id       integer REFERENCES people (id) ON DELETE CASCADE,
    organisation_id integer REFERENCES organisations (id) ON DELETE CASCADE,
    subscribed_by   integer REFERENCES users (id) ON DELETE SET NULL,
    is_active       boolean NOT NULL,
    unsubscribed_at timestamptz,
    id              serial PRIMARY KEY,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE mailing_lists (
    name            varchar(255) NOT NULL,
    description     text,
    target_type     varchar(50) NOT NULL,
    filters         json NOT NULL,
    recipient_count integer NOT NULL,
    last_used_at    timestamptz,
    is_active       boolean NOT NULL,
    created_by      integer REFERENCES users (id) ON DELETE SET NULL,
    id              serial PRIMARY KEY,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now()
);

-- Addresses are stored in lower case.
CREATE TABLE unsubscribed_emails (
    email           varchar(255) NOT NULL,
    unsubscribed_at timestamptz NOT NULL DEFAULT now(),
    source          varchar(50) NOT NULL,
    reason          text,
    id              serial PRIMARY KEY,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (email)
);

CREATE TABLE lead_scores (
    person_id     integer PRIMARY KEY REFERENCES people (id) ON DELETE CASCADE,
    score         integer NOT NULL,
    last_event_at timestamptz
);

-- External events; about a person or an organisation.
CREATE TABLE email_event_tracking (
    organisation_id integer REFERENCES organisations (id) ON DELETE CASCADE,
    person_id       integer REFERENCES people (id) ON DELETE CASCADE,
    provider        varchar(50) NOT NULL,
    external_id     varchar(255) NOT NULL,
    subject         varchar(500),
    status          email_status NOT NULL,
    sent_at         timestamptz,
    open_count      integer NOT NULL,
    click_count     integer NOT NULL,
    last_open_at    timestamptz,
    last_click_at   timestamptz,
    interaction_id  integer REFERENCES crm_interactions (id) ON DELETE SET NULL,
    id              serial PRIMARY KEY,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    CHECK (organisation_id IS NOT NULL OR person_id IS NOT NULL)
);

-- # Mailboxes

CREATE TABLE user_email_accounts (
    id                      serial PRIMARY KEY,
    team_id                 integer NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    user_id                 integer REFERENCES users (id) ON DELETE SET NULL,
    email                   varchar(255) NOT NULL,
    provider                varchar(50) NOT NULL,
    display_name            varchar(255),
    is_primary              boolean NOT NULL,
    is_active               boolean NOT NULL,
    server                  varchar(255),
    protocol                varchar(20),
    encrypted_access_token  text,
    encrypted_refresh_token text,
    token_expires_at        timestamptz,
    encrypted_password      text,
    consent_given           boolean NOT NULL,
    consent_date            timestamptz,
    microsoft_user_id       varchar(255),
    user_principal_name     varchar(255),
    job_title               varchar(255),
    office_location         varchar(255),
    created_at              timestamptz NOT NULL,
    updated_at              timestamptz NOT NULL
);

-- All instants are naive here, unlike in the neighbouring tables.
CREATE TABLE email_threads (
    id                   serial PRIMARY KEY,
    thread_id            varchar(255) NOT NULL,
    team_id              integer NOT NULL REFERENCES teams (id),
    subject              varchar(500) NOT NULL,
    original_subject     varchar(500),
    participants         json NOT NULL,
    first_interaction_id integer REFERENCES crm_interactions (id),
    last_interaction_id  integer REFERENCES crm_interactions (id),
    email_count          integer NOT NULL,
    metadata             json,
    created_at           timestamp NOT NULL,
    updated_at           timestamp NOT NULL,
    first_email_at       timestamp,
    last_email_at        timestamp
);

-- content_hash removes duplicates inside one account.
CREATE TABLE email_messages (
    id                     serial PRIMARY KEY,
    team_id                integer NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    account_id             integer NOT NULL REFERENCES user_email_accounts (id) ON DELETE CASCADE,
    external_message_id    varchar(500) NOT NULL,
    thread_id              varchar(255),
    in_reply_to            varchar(500),
    subject                text,
    sender_email           varchar(255) NOT NULL,
    sender_name            varchar(255),
    recipients_to          jsonb,
    recipients_cc          jsonb,
    recipients_bcc         jsonb,
    body_text              text,
    body_html              text,
    snippet                varchar(500),
    sent_at                timestamptz,
    received_at            timestamptz,
    is_read                boolean NOT NULL,
    is_flagged             boolean NOT NULL,
    labels                 jsonb,
    content_hash           varchar(64) NOT NULL,
    linked_person_id       integer REFERENCES people (id) ON DELETE SET NULL,
    linked_organisation_id integer REFERENCES organisations (id) ON DELETE SET NULL,
    linked_interaction_id  integer REFERENCES crm_interactions (id) ON DELETE SET NULL,
    is_compliance_relevant boolean NOT NULL,
    compliance_tags        jsonb,
    created_at             timestamptz NOT NULL,
    updated_at             timestamptz NOT NULL
);

CREATE TABLE email_attachments (
    id                     serial PRIMARY KEY,
    team_id                integer NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    email_message_id       integer NOT NULL REFERENCES email_messages (id) ON DELETE CASCADE,
    filename               varchar(500) NOT NULL,
    content_type           varchar(200),
    size_bytes             bigint NOT NULL,
    content_hash_sha256    varchar(64),
    is_inline              boolean NOT NULL,
    content_id             varchar(255),
    storage_path           varchar(1000),
    is_stored              boolean NOT NULL,
    is_compliance_document boolean NOT NULL,
    compliance_category    varchar(100),
    created_at             timestamptz NOT NULL
);

CREATE TABLE email_blacklist (
    id           serial PRIMARY KEY,
    team_id      integer NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    pattern      varchar(255) NOT NULL,
    pattern_type varchar(20) NOT NULL,
    reason       text,
    created_by   integer REFERENCES users (id) ON DELETE SET NULL,
    created_at   timestamptz NOT NULL,
    CHECK (pattern_type IN ('email', 'domain', 'wildcard'))
);

CREATE TABLE outlook_signatures_pending (
    id                   serial PRIMARY KEY,
    user_id              integer NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    email                varchar(255) NOT NULL,
    phone                varchar(50),
    job_title            varchar(255),
    company              varchar(255),
    source_message_id    varchar(255),
    source_date          timestamptz,
    status               varchar(20) NOT NULL,
    rejection_reason     varchar(255),
    is_likely_marketing  boolean NOT NULL,
    auto_detection_flags text,
    created_at           timestamptz NOT NULL,
    validated_at         timestamptz,
    validated_by         integer REFERENCES users (id)
);

CREATE TABLE routing_rules (
    id               serial PRIMARY KEY,
    team_id          integer NOT NULL REFERENCES teams (id),
    name             varchar(100) NOT NULL,
    description      varchar(500),
    is_active        boolean NOT NULL,
    priority         integer NOT NULL,
    intent_trigger   varchar(50) NOT NULL,
    min_confidence   integer NOT NULL,
    conditions       json,
    actions          json NOT NULL,
    execution_count  integer NOT NULL,
    last_executed_at timestamptz,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz,
    created_by       varchar(100)
);

-- # Assistant: predictions, suggestions, feedback

CREATE TABLE ai_configurations (
    name                            varchar(100) NOT NULL,
    description                     text,
    is_active                       boolean,
    ai_provider                     aiprovider NOT NULL,
    ai_model                        varchar(100),
    api_key_name                    varchar(100),
    auto_apply_enabled              boolean,
    auto_apply_confidence_threshold double precision,
    duplicate_similarity_threshold  double precision,
    quality_score_threshold         double precision,
    max_suggestions_per_execution   integer,
    max_tokens_per_request          integer,
    rate_limit_requests_per_minute  integer,
    daily_budget_usd                double precision,
    monthly_budget_usd              double precision,
    notify_on_suggestions           boolean,
    notify_on_errors                boolean,
    notification_user_ids           json,
    custom_prompts                  json,
    rules                           json,
    total_executions                integer,
    total_suggestions               integer,
    total_cost_usd                  double precision,
    last_execution_at               timestamp,
    encrypted_anthropic_key         text,
    encrypted_openai_key            text,
    encrypted_mistral_key           text,
    encrypted_ollama_url            text,
    api_keys_updated_at             timestamp,
    api_keys_updated_by             integer REFERENCES users (id),
    id                              serial PRIMARY KEY,
    created_at                      timestamptz NOT NULL DEFAULT now(),
    updated_at                      timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE ai_executions (
    task_type                 aitasktype NOT NULL,
    status                    aiexecutionstatus NOT NULL,
    config                    json,
    ai_provider               aiprovider NOT NULL,
    ai_model                  varchar(100),
    started_at                timestamp,
    completed_at              timestamp,
    duration_seconds          double precision,
    total_items_processed     integer,
    total_suggestions_created integer,
    total_suggestions_applied integer,
    total_prompt_tokens       integer,
    total_completion_tokens   integer,
    estimated_cost_usd        double precision,
    execution_logs            json,
    error_message             text,
    error_details             json,
    triggered_by              integer REFERENCES users (id),
    id                        serial PRIMARY KEY,
    created_at                timestamptz NOT NULL DEFAULT now(),
    updated_at                timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE ai_suggestions (
    type              aisuggestiontype NOT NULL,
    status            aisuggestionstatus NOT NULL,
    entity_type       varchar(50) NOT NULL,
    entity_id         integer NOT NULL,
    title             varchar(255) NOT NULL,
    description       text,
    suggestion_data   json NOT NULL,
    confidence_score  double precision,
    ai_provider       aiprovider NOT NULL,
    ai_model          varchar(100),
    prompt_tokens     integer,
    completion_tokens integer,
    reviewed_by       integer REFERENCES users (id),
    reviewed_at       timestamp,
    review_notes      text,
    auto_applied      boolean,
    applied_at        timestamp,
    expires_at        timestamp,
    execution_id      integer REFERENCES ai_executions (id),
    id                serial PRIMARY KEY,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now()
);

-- Naive instants.
CREATE TABLE ai_cache (
    cache_key        varchar(64) NOT NULL,
    request_type     varchar(50) NOT NULL,
    request_data     json NOT NULL,
    response_data    json NOT NULL,
    ai_provider      aiprovider NOT NULL,
    ai_model         varchar(100),
    confidence_score double precision,
    hit_count        integer,
    last_hit_at      timestamp,
    expires_at       timestamp NOT NULL,
    id               serial PRIMARY KEY,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE ai_memory (
    id                 serial PRIMARY KEY,
    team_id            integer NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    model_used         varchar(100) NOT NULL,
    provider           varchar(50) NOT NULL,
    prompt_hash        varchar(64) NOT NULL,
    prompt_text        text NOT NULL,
    response_json      jsonb NOT NULL,
    confidence_score   double precision,
    processing_time_ms integer,
    tokens_used        integer,
    cost_usd           double precision,
    success            boolean NOT NULL,
    error_message      text,
    task_type          varchar(50) NOT NULL,
    source_email_id    integer REFERENCES email_messages (id) ON DELETE SET NULL,
    created_at         timestamptz NOT NULL
);

CREATE TABLE ai_feedback (
    id                  serial PRIMARY KEY,
    team_id             integer NOT NULL REFERENCES teams (id),
    user_id             integer NOT NULL REFERENCES users (id),
    prediction_type     varchar(50) NOT NULL,
    reference_id        integer,
    model_used          varchar(50),
    original_prediction json NOT NULL,
    original_confidence double precision,
    corrected_data      json NOT NULL,
    feedback_type       varchar(20) NOT NULL,
    user_notes          text,
    error_categories    json,
    context             json,
    created_at          timestamptz NOT NULL
);

CREATE TABLE ai_accuracy_metrics (
    id                       serial PRIMARY KEY,
    team_id                  integer NOT NULL REFERENCES teams (id),
    prediction_type          varchar(50) NOT NULL,
    model_name               varchar(50) NOT NULL,
    date                     timestamptz NOT NULL,
    total_predictions        integer NOT NULL,
    accepted_count           integer NOT NULL,
    corrected_count          integer NOT NULL,
    rejected_count           integer NOT NULL,
    accuracy_rate            double precision,
    correction_rate          double precision,
    rejection_rate           double precision,
    avg_confidence_accepted  double precision,
    avg_confidence_corrected double precision,
    created_at               timestamptz NOT NULL,
    updated_at               timestamptz
);

CREATE TABLE ai_user_preferences (
    id                    serial PRIMARY KEY,
    user_id               integer NOT NULL REFERENCES users (id),
    team_id               integer NOT NULL REFERENCES teams (id),
    field_name            varchar(100) NOT NULL,
    context_type          varchar(50) NOT NULL,
    entity_id             integer,
    suggested_value       text,
    suggestion_source     varchar(50),
    suggestion_confidence double precision,
    suggestion_rank       integer,
    action                varchar(20) NOT NULL,
    final_value           text,
    extra_metadata        jsonb,
    created_at            timestamp NOT NULL,
    expires_at            timestamp NOT NULL
);

CREATE TABLE autofill_suggestions (
    id                  serial PRIMARY KEY,
    team_id             integer NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    person_id           integer REFERENCES people (id) ON DELETE CASCADE,
    organisation_id     integer REFERENCES organisations (id) ON DELETE CASCADE,
    suggestion_type     varchar(50) NOT NULL,
    field_name          varchar(100) NOT NULL,
    current_value       text,
    suggested_value     text NOT NULL,
    confidence_score    double precision NOT NULL,
    source_model        varchar(100) NOT NULL,
    reasoning           text,
    email_id            integer REFERENCES email_messages (id) ON DELETE SET NULL,
    interaction_id      integer REFERENCES crm_interactions (id) ON DELETE SET NULL,
    status              varchar(20) NOT NULL,
    reviewed_by         integer REFERENCES users (id) ON DELETE SET NULL,
    reviewed_at         timestamptz,
    auto_applied        boolean NOT NULL,
    auto_applied_reason varchar(200),
    created_at          timestamptz NOT NULL
);

CREATE TABLE autofill_logs (
    id                serial PRIMARY KEY,
    user_id           integer NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    entity_type       varchar(50) NOT NULL,
    entity_id         integer,
    field             varchar(100) NOT NULL,
    old_value         text,
    new_value         text,
    confidence        double precision NOT NULL,
    source            varchar(50) NOT NULL,
    applied           boolean NOT NULL,
    evidence_hash     varchar(64),
    execution_time_ms integer,
    created_at        timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE autofill_decision_logs (
    id                 serial PRIMARY KEY,
    input_id           varchar(255) NOT NULL,
    input_hash         varchar(64) NOT NULL,
    decision           varchar(50) NOT NULL,
    person_id          integer REFERENCES people (id) ON DELETE SET NULL,
    organisation_id    integer REFERENCES organisations (id) ON DELETE SET NULL,
    interaction_id     integer REFERENCES organisation_interactions (id) ON DELETE SET NULL,
    scores_json        json,
    reason             text,
    applied_by_user_id integer REFERENCES users (id) ON DELETE SET NULL,
    was_deduped        integer NOT NULL,
    created_at         timestamptz NOT NULL DEFAULT now()
);

-- # Automation and notices

CREATE TABLE workflows (
    name             varchar NOT NULL,
    description      text,
    status           workflowstatus NOT NULL,
    trigger_type     workflowtriggertype NOT NULL,
    trigger_config   json,
    conditions       json,
    actions          json NOT NULL,
    created_by       integer REFERENCES users (id),
    is_template      boolean,
    execution_count  integer,
    last_executed_at timestamptz,
    id               serial PRIMARY KEY,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE workflow_executions (
    workflow_id         integer NOT NULL REFERENCES workflows (id) ON DELETE CASCADE,
    status              workflowexecutionstatus NOT NULL,
    trigger_entity_type varchar,
    trigger_entity_id   integer,
    started_at          timestamptz,
    completed_at        timestamptz,
    execution_logs      json,
    error_message       text,
    actions_executed    json,
    id                  serial PRIMARY KEY,
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now()
);

-- Outgoing calls; events is a JSON list of names.
CREATE TABLE webhooks (
    url         varchar(500) NOT NULL,
    events      json NOT NULL,
    secret      varchar(128) NOT NULL,
    is_active   boolean NOT NULL,
    description text,
    id          serial PRIMARY KEY,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE notifications (
    id            serial PRIMARY KEY,
    user_id       integer NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    type          notificationtype NOT NULL,
    priority      notificationpriority NOT NULL,
    title         varchar(255) NOT NULL,
    message       varchar(1200),
    link          varchar(500),
    resource_type varchar(100),
    resource_id   integer,
    metadata      json,
    is_read       boolean,
    read_at       timestamptz,
    is_archived   boolean,
    archived_at   timestamptz,
    expires_at    timestamptz,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE push_subscriptions (
    id         serial PRIMARY KEY,
    user_id    integer NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    endpoint   text NOT NULL,
    p256dh_key varchar(255) NOT NULL,
    auth_key   varchar(255) NOT NULL,
    created_at timestamptz NOT NULL,
    last_used  timestamptz
);

-- # Traces

CREATE TABLE audit_logs (
    id          serial PRIMARY KEY,
    entity_type varchar(50) NOT NULL,
    entity_id   integer NOT NULL,
    action      varchar(20) NOT NULL,
    field_name  varchar(100),
    old_value   text,
    new_value   text,
    user_id     integer REFERENCES users (id),
    ip_address  varchar(45),
    user_agent  varchar(500),
    created_at  timestamp NOT NULL
);

-- One row per access to personal data; accessed_at is naive UTC.
CREATE TABLE data_access_logs (
    id          serial PRIMARY KEY,
    entity_type varchar(50) NOT NULL,
    entity_id   integer NOT NULL,
    access_type varchar(20) NOT NULL,
    endpoint    varchar(200),
    purpose     varchar(200),
    user_id     integer REFERENCES users (id),
    ip_address  varchar(45),
    user_agent  varchar(500),
    extra_data  text,
    accessed_at timestamp NOT NULL
);

CREATE TABLE help_analytics_events (
    user_id        integer NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    event_type     varchar(50) NOT NULL,
    target_id      varchar(255),
    event_metadata json,
    timestamp      timestamptz NOT NULL,
    id             serial PRIMARY KEY,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now()
);

-- # The circular reference

ALTER TABLE crm_interactions ADD FOREIGN KEY (email_thread_id) REFERENCES email_threads (id) ON DELETE SET NULL;

-- # Unique indexes

CREATE UNIQUE INDEX ON teams (name);
CREATE UNIQUE INDEX ON roles (name);
CREATE UNIQUE INDEX ON users (email);
CREATE UNIQUE INDEX ON known_companies (domain);
CREATE UNIQUE INDEX ON campaign_subscriptions (campaign_id, person_id, organisation_id);
CREATE UNIQUE INDEX ON email_threads (thread_id);
CREATE UNIQUE INDEX ON email_messages (team_id, account_id, content_hash);
CREATE UNIQUE INDEX ON ai_cache (cache_key);

-- # Look-ups

-- Foreign keys that no key above leads with.
CREATE INDEX ON role_permissions (permission_id);
CREATE INDEX ON users (role_id);
CREATE INDEX ON users (team_id);
CREATE INDEX ON organisations (created_by);
CREATE INDEX ON organisations (assigned_to);
CREATE INDEX ON organisations (owner_id);
CREATE INDEX ON person_organization_links (organisation_id);
CREATE INDEX ON organisation_contacts (organisation_id);
CREATE INDEX ON mandats (organisation_id);
CREATE INDEX ON mandats (owner_id);
CREATE INDEX ON mandats_distribution (organisation_id);
CREATE INDEX ON mandat_produits (mandat_id);
CREATE INDEX ON mandat_produits (produit_id);
CREATE INDEX ON crm_interactions (org_id);
CREATE INDEX ON crm_interactions (person_id);
CREATE INDEX ON crm_interactions (created_by);
CREATE INDEX ON crm_interactions (email_thread_id);
CREATE INDEX ON crm_interactions (assignee_id);
CREATE INDEX ON interaction_participants (person_id);
CREATE INDEX ON organisation_interactions (organisation_id);
CREATE INDEX ON organisation_interactions (personne_id);
CREATE INDEX ON organisation_interactions (produit_id);
CREATE INDEX ON organisation_activities (organisation_id);
CREATE INDEX ON organisation_activities (created_by);
CREATE INDEX ON activity_participants (activity_id);
CREATE INDEX ON activity_participants (person_id);
CREATE INDEX ON activity_participants (organisation_id);
CREATE INDEX ON activity_attachments (activity_id);
CREATE INDEX ON tasks (assigned_to);
CREATE INDEX ON tasks (created_by);
CREATE INDEX ON tasks (organisation_id);
CREATE INDEX ON tasks (person_id);
CREATE INDEX ON email_configurations (created_by);
CREATE INDEX ON email_configurations (updated_by);
CREATE INDEX ON email_templates (created_by);
CREATE INDEX ON email_campaigns (default_template_id);
CREATE INDEX ON email_campaigns (owner_id);
CREATE INDEX ON email_campaign_steps (campaign_id);
CREATE INDEX ON email_campaign_steps (template_id);
CREATE INDEX ON email_send_batches (campaign_id);
CREATE INDEX ON email_sends (campaign_id);
CREATE INDEX ON email_sends (batch_id);
CREATE INDEX ON email_sends (step_id);
CREATE INDEX ON email_sends (template_id);
CREATE INDEX ON email_sends (recipient_person_id);
CREATE INDEX ON email_sends (organisation_id);
CREATE INDEX ON email_events (send_id);
CREATE INDEX ON campaign_subscriptions (person_id);
CREATE INDEX ON campaign_subscriptions (organisation_id);
CREATE INDEX ON campaign_subscriptions (subscribed_by);
CREATE INDEX ON mailing_lists (created_by);
CREATE INDEX ON email_event_tracking (organisation_id);
CREATE INDEX ON email_event_tracking (person_id);
CREATE INDEX ON email_event_tracking (interaction_id);
CREATE INDEX ON user_email_accounts (team_id);
CREATE INDEX ON user_email_accounts (user_id);
CREATE INDEX ON email_threads (team_id);
CREATE INDEX ON email_threads (first_interaction_id);
CREATE INDEX ON email_threads (last_interaction_id);
CREATE INDEX ON email_messages (account_id);
CREATE INDEX ON email_messages (linked_person_id);
CREATE INDEX ON email_messages (linked_organisation_id);
CREATE INDEX ON email_messages (linked_interaction_id);
CREATE INDEX ON email_attachments (team_id);
CREATE INDEX ON email_attachments (email_message_id);
CREATE INDEX ON email_blacklist (team_id);
CREATE INDEX ON email_blacklist (created_by);
CREATE INDEX ON outlook_signatures_pending (user_id);
CREATE INDEX ON outlook_signatures_pending (validated_by);
CREATE INDEX ON routing_rules (team_id);
CREATE INDEX ON ai_configurations (api_keys_updated_by);
CREATE INDEX ON ai_executions (triggered_by);
CREATE INDEX ON ai_suggestions (reviewed_by);
CREATE INDEX ON ai_suggestions (execution_id);
CREATE INDEX ON ai_memory (team_id);
CREATE INDEX ON ai_memory (source_email_id);
CREATE INDEX ON ai_feedback (team_id);
CREATE INDEX ON ai_feedback (user_id);
CREATE INDEX ON ai_accuracy_metrics (team_id);
CREATE INDEX ON ai_user_preferences (user_id);
CREATE INDEX ON ai_user_preferences (team_id);
CREATE INDEX ON autofill_suggestions (team_id);
CREATE INDEX ON autofill_suggestions (person_id);
CREATE INDEX ON autofill_suggestions (organisation_id);
CREATE INDEX ON autofill_suggestions (email_id);
CREATE INDEX ON autofill_suggestions (interaction_id);
CREATE INDEX ON autofill_suggestions (reviewed_by);
CREATE INDEX ON autofill_logs (user_id);
CREATE INDEX ON autofill_decision_logs (person_id);
CREATE INDEX ON autofill_decision_logs (organisation_id);
CREATE INDEX ON autofill_decision_logs (interaction_id);
CREATE INDEX ON autofill_decision_logs (applied_by_user_id);
CREATE INDEX ON workflows (created_by);
CREATE INDEX ON workflow_executions (workflow_id);
CREATE INDEX ON notifications (user_id);
CREATE INDEX ON push_subscriptions (user_id);
CREATE INDEX ON audit_logs (user_id);
CREATE INDEX ON data_access_logs (user_id);
CREATE INDEX ON help_analytics_events (user_id);

-- Columns that the API filters and sorts by.
CREATE INDEX ON people (nom, prenom);
CREATE INDEX ON people (lower(email));
CREATE INDEX ON organisations (nom);
CREATE INDEX ON organisations (created_at);
CREATE INDEX ON email_sends (status);
CREATE INDEX ON email_sends (recipient_email);
CREATE INDEX ON email_sends (provider_message_id);
CREATE INDEX ON email_messages (content_hash);
CREATE INDEX ON crm_interactions (external_source, external_id);
CREATE INDEX ON notifications (user_id, created_at);
CREATE INDEX ON ai_memory (team_id, prompt_hash);
CREATE INDEX ON data_access_logs (entity_type, entity_id);
CREATE INDEX ON audit_logs (entity_type, entity_id);
