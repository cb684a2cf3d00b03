-- Printed from the catalogue by `npm run schema`; a test compares it with the migrations.

create table api_keys (
  id uuid not null default gen_random_uuid(),
  creator_id uuid not null,
  name text not null,
  key_hash text not null,
  hint text not null,
  expires_at timestamp with time zone not null,
  last_used_at timestamp with time zone,
  created_at timestamp with time zone not null default now(),
  constraint api_keys_creator_id_name_key UNIQUE (creator_id, name),
  constraint api_keys_key_hash_key UNIQUE (key_hash),
  constraint api_keys_pkey PRIMARY KEY (id),
  constraint api_keys_creator_id_fkey FOREIGN KEY (creator_id) REFERENCES creators(id) ON DELETE CASCADE
);

create table audit_log (
  id bigint not null generated always as identity,
  at timestamp with time zone not null default clock_timestamp(),
  operator_id uuid,
  operator_email text not null,
  act text not null,
  subject text,
  note text,
  constraint audit_log_pkey PRIMARY KEY (id),
  constraint audit_log_operator_id_fkey FOREIGN KEY (operator_id) REFERENCES operators(id) ON DELETE SET NULL
);
CREATE INDEX audit_log_at_idx ON public.audit_log USING btree (at);
CREATE INDEX audit_log_operator_id_idx ON public.audit_log USING btree (operator_id);

create table billing_records (
  id uuid not null default gen_random_uuid(),
  creator_id uuid,
  paypal_subscription_id text not null,
  status text not null,
  paid_until timestamp with time zone,
  grace_until timestamp with time zone,
  access_until timestamp with time zone,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint billing_records_paypal_subscription_id_key UNIQUE (paypal_subscription_id),
  constraint billing_records_pkey PRIMARY KEY (id),
  constraint billing_records_creator_id_fkey FOREIGN KEY (creator_id) REFERENCES creators(id) ON DELETE SET NULL
);
CREATE INDEX billing_records_creator_id_idx ON public.billing_records USING btree (creator_id);

create table consents (
  id uuid not null default gen_random_uuid(),
  job_id uuid not null,
  given_through text not null,
  declaration text not null,
  title text not null,
  settings jsonb not null,
  given_at timestamp with time zone not null default now(),
  voided_at timestamp with time zone,
  constraint consents_pkey PRIMARY KEY (id),
  constraint consents_job_id_fkey FOREIGN KEY (job_id) REFERENCES jobs(id) ON DELETE CASCADE,
  constraint consents_given_through_check CHECK ((given_through = ANY (ARRAY['dashboard'::text, 'api'::text])))
);
CREATE INDEX consents_job_id_idx ON public.consents USING btree (job_id);

create table creators (
  id uuid not null default gen_random_uuid(),
  open_id text,
  username text,
  nickname text,
  avatar_url text,
  plan text not null,
  plan_ends_at timestamp with time zone,
  suspended_at timestamp with time zone,
  disconnected_at timestamp with time zone,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  leaving_at timestamp with time zone,
  removal_reason integer,
  keys_may_export_and_erase boolean not null default false,
  time_zone text,
  last_seen_at timestamp with time zone not null default now(),
  name_confirmed_at timestamp with time zone,
  constraint creators_open_id_key UNIQUE (open_id),
  constraint creators_pkey PRIMARY KEY (id),
  constraint creators_plan_check CHECK ((plan = ANY (ARRAY['free'::text, 'trial'::text, 'paid'::text])))
);
CREATE INDEX creators_disconnected_at_idx ON public.creators USING btree (disconnected_at) WHERE (disconnected_at IS NOT NULL);
CREATE INDEX creators_username_idx ON public.creators USING btree (lower(username));

create table database_position (
  is_only boolean not null default true,
  number bigint not null,
  at timestamp with time zone not null default now(),
  constraint database_position_pkey PRIMARY KEY (is_only),
  constraint database_position_is_only_check CHECK (is_only)
);

create table deletion_request_events (
  id bigint not null generated always as identity,
  request_id uuid not null,
  at timestamp with time zone not null default clock_timestamp(),
  operator_id uuid,
  operator_email text,
  name text not null,
  note text,
  constraint deletion_request_events_pkey PRIMARY KEY (id),
  constraint deletion_request_events_operator_id_fkey FOREIGN KEY (operator_id) REFERENCES operators(id) ON DELETE SET NULL,
  constraint deletion_request_events_request_id_fkey FOREIGN KEY (request_id) REFERENCES deletion_requests(id) ON DELETE CASCADE
);
CREATE INDEX deletion_request_events_operator_id_idx ON public.deletion_request_events USING btree (operator_id);
CREATE INDEX deletion_request_events_request_id_idx ON public.deletion_request_events USING btree (request_id, id);

create table deletion_requests (
  id uuid not null default gen_random_uuid(),
  number bigint not null generated always as identity,
  state text not null default 'received'::text,
  received_at timestamp with time zone not null,
  username text,
  profile_url text,
  usage text,
  details text,
  creator_id uuid,
  method text,
  proof_description text,
  bio_code text,
  proof_token_hash text,
  proof_token text,
  proof_expires_at timestamp with time zone,
  proof_browser_hash text,
  proof_match boolean,
  verified_at timestamp with time zone,
  execute_after timestamp with time zone,
  needs_second_operator boolean not null default false,
  verified_by uuid,
  refusal_reason text,
  deletion_id uuid,
  closed_at timestamp with time zone,
  version integer not null default 1,
  created_at timestamp with time zone not null default now(),
  constraint deletion_requests_number_key UNIQUE (number),
  constraint deletion_requests_proof_token_hash_key UNIQUE (proof_token_hash),
  constraint deletion_requests_pkey PRIMARY KEY (id),
  constraint deletion_requests_creator_id_fkey FOREIGN KEY (creator_id) REFERENCES creators(id) ON DELETE SET NULL,
  constraint deletion_requests_deletion_id_fkey FOREIGN KEY (deletion_id) REFERENCES deletions(id) ON DELETE SET NULL,
  constraint deletion_requests_verified_by_fkey FOREIGN KEY (verified_by) REFERENCES operators(id) ON DELETE SET NULL,
  constraint deletion_requests_method_check CHECK ((method = ANY (ARRAY['sign_in'::text, 'bio'::text, 'other'::text]))),
  constraint deletion_requests_state_check CHECK ((state = ANY (ARRAY['received'::text, 'identity_asked'::text, 'verified'::text, 'deleting'::text, 'done'::text, 'refused'::text])))
);
CREATE INDEX deletion_requests_creator_id_idx ON public.deletion_requests USING btree (creator_id);
CREATE INDEX deletion_requests_deletion_id_idx ON public.deletion_requests USING btree (deletion_id);
CREATE INDEX deletion_requests_state_idx ON public.deletion_requests USING btree (state, received_at);
CREATE INDEX deletion_requests_verified_by_idx ON public.deletion_requests USING btree (verified_by);

create table deletions (
  id uuid not null default gen_random_uuid(),
  receipt_token text not null,
  method text not null,
  creator_id uuid,
  sealed_identifiers text,
  requested_at timestamp with time zone not null default now(),
  quiet_at timestamp with time zone,
  recorded_at timestamp with time zone,
  erased_at timestamp with time zone,
  done_at timestamp with time zone,
  receipt jsonb not null default '{}'::jsonb,
  traces integer,
  faults integer not null default 0,
  revocation text not null default 'waiting'::text,
  sealed_grant text,
  open_id_hash text,
  revoke_lease uuid,
  revoke_leased_until timestamp with time zone,
  revoke_at timestamp with time zone,
  revoke_tries integer not null default 0,
  revoked_at timestamp with time zone,
  searched_at timestamp with time zone,
  cleared_disks uuid[] not null default '{}'::uuid[],
  rewrite_tables text[] not null default '{}'::text[],
  rewrite_at timestamp with time zone,
  constraint deletions_receipt_token_key UNIQUE (receipt_token),
  constraint deletions_pkey PRIMARY KEY (id),
  constraint deletions_creator_id_fkey FOREIGN KEY (creator_id) REFERENCES creators(id) ON DELETE SET NULL,
  constraint deletions_method_check CHECK ((method = ANY (ARRAY['self_service'::text, 'api'::text, 'request'::text, 'tiktok'::text, 'disconnected'::text, 'inactive'::text, 'restore'::text]))),
  constraint deletions_revocation_check CHECK ((revocation = ANY (ARRAY['waiting'::text, 'pending'::text, 'revoked'::text, 'not_needed'::text, 'superseded'::text, 'given_up'::text])))
);
CREATE UNIQUE INDEX deletions_creator_id_idx ON public.deletions USING btree (creator_id);
CREATE INDEX deletions_done_at_idx ON public.deletions USING btree (done_at);
CREATE INDEX deletions_open_id_hash_idx ON public.deletions USING btree (open_id_hash) WHERE (open_id_hash IS NOT NULL);
CREATE INDEX deletions_rewrite_at_idx ON public.deletions USING btree (rewrite_at) WHERE (rewrite_at IS NOT NULL);
CREATE INDEX deletions_unfinished_idx ON public.deletions USING btree (requested_at) WHERE (done_at IS NULL);

create table domains (
  id uuid not null default gen_random_uuid(),
  creator_id uuid not null,
  host text not null,
  token text not null,
  verified_at timestamp with time zone,
  checked_at timestamp with time zone,
  found_at timestamp with time zone,
  fault jsonb,
  created_at timestamp with time zone not null default now(),
  constraint domains_creator_id_host_key UNIQUE (creator_id, host),
  constraint domains_pkey PRIMARY KEY (id),
  constraint domains_creator_id_fkey FOREIGN KEY (creator_id) REFERENCES creators(id) ON DELETE CASCADE
);
CREATE INDEX domains_checked_at_idx ON public.domains USING btree (checked_at) WHERE (verified_at IS NOT NULL);

create table event_deliveries (
  id bigint not null generated always as identity,
  subscriber text not null,
  job_id uuid,
  creator_id uuid,
  deletion_id uuid,
  name text not null,
  details jsonb not null default '{}'::jsonb,
  at timestamp with time zone not null,
  run_id bigint,
  tries integer not null default 0,
  due_at timestamp with time zone not null default now(),
  fault text,
  given_up_at timestamp with time zone,
  constraint event_deliveries_pkey PRIMARY KEY (id),
  constraint event_deliveries_creator_id_fkey FOREIGN KEY (creator_id) REFERENCES creators(id) ON DELETE CASCADE,
  constraint event_deliveries_deletion_id_fkey FOREIGN KEY (deletion_id) REFERENCES deletions(id) ON DELETE CASCADE,
  constraint event_deliveries_job_id_fkey FOREIGN KEY (job_id) REFERENCES jobs(id) ON DELETE CASCADE,
  constraint event_deliveries_check CHECK ((num_nonnulls(job_id, creator_id, deletion_id) = 1))
);
CREATE INDEX event_deliveries_creator_id_idx ON public.event_deliveries USING btree (creator_id, id) WHERE (creator_id IS NOT NULL);
CREATE INDEX event_deliveries_deletion_id_idx ON public.event_deliveries USING btree (deletion_id, id) WHERE (deletion_id IS NOT NULL);
CREATE INDEX event_deliveries_given_up_at_idx ON public.event_deliveries USING btree (given_up_at) WHERE (given_up_at IS NOT NULL);
CREATE INDEX event_deliveries_job_id_idx ON public.event_deliveries USING btree (job_id, id) WHERE (job_id IS NOT NULL);

create table event_subscribers (
  name text not null,
  events text[] not null,
  seen_at timestamp with time zone not null default now(),
  constraint event_subscribers_pkey PRIMARY KEY (name)
);

create table grants (
  creator_id uuid not null,
  scopes text[] not null,
  access_token text not null,
  refresh_token text not null,
  access_expires_at timestamp with time zone not null,
  refresh_expires_at timestamp with time zone not null,
  version integer not null default 1,
  lease_id uuid,
  leased_until timestamp with time zone,
  refreshed_at timestamp with time zone not null default now(),
  granted_at timestamp with time zone not null default now(),
  granted_at_tiktok timestamp with time zone,
  constraint grants_pkey PRIMARY KEY (creator_id),
  constraint grants_creator_id_fkey FOREIGN KEY (creator_id) REFERENCES creators(id) ON DELETE CASCADE
);

create table idempotency_keys (
  creator_id uuid not null,
  key_hash text not null,
  request_hash text not null,
  locked_until timestamp with time zone not null,
  status integer,
  location text,
  body text,
  created_at timestamp with time zone not null default now(),
  constraint idempotency_keys_pkey PRIMARY KEY (creator_id, key_hash),
  constraint idempotency_keys_creator_id_fkey FOREIGN KEY (creator_id) REFERENCES creators(id) ON DELETE CASCADE
);
CREATE INDEX idempotency_keys_created_at_idx ON public.idempotency_keys USING btree (created_at);

create table invitations (
  id uuid not null default gen_random_uuid(),
  token_hash text not null,
  expires_at timestamp with time zone not null,
  creator_id uuid,
  used_at timestamp with time zone,
  created_at timestamp with time zone not null default now(),
  constraint invitations_token_hash_key UNIQUE (token_hash),
  constraint invitations_pkey PRIMARY KEY (id),
  constraint invitations_creator_id_fkey FOREIGN KEY (creator_id) REFERENCES creators(id) ON DELETE CASCADE
);
CREATE INDEX invitations_creator_id_idx ON public.invitations USING btree (creator_id);

create table job_events (
  id bigint not null generated always as identity,
  job_id uuid not null,
  name text not null,
  details jsonb not null default '{}'::jsonb,
  at timestamp with time zone not null default clock_timestamp(),
  constraint job_events_pkey PRIMARY KEY (id),
  constraint job_events_job_id_fkey FOREIGN KEY (job_id) REFERENCES jobs(id) ON DELETE CASCADE
);
CREATE INDEX job_events_job_id_idx ON public.job_events USING btree (job_id, id);

create table job_photos (
  job_id uuid not null,
  position integer not null,
  source_key text,
  output_key text,
  output_type text,
  facts jsonb,
  source text not null default 'pm3k_storage'::text,
  source_request jsonb,
  source_url text,
  constraint job_photos_pkey PRIMARY KEY (job_id, "position"),
  constraint job_photos_job_id_fkey FOREIGN KEY (job_id) REFERENCES jobs(id) ON DELETE CASCADE
);
CREATE INDEX job_photos_output_key_idx ON public.job_photos USING btree (output_key);
CREATE INDEX job_photos_source_key_idx ON public.job_photos USING btree (source_key);
CREATE TRIGGER fill_source BEFORE INSERT ON public.job_photos FOR EACH ROW EXECUTE FUNCTION fill_source();

create table jobs (
  id uuid not null default gen_random_uuid(),
  creator_id uuid not null,
  mode text not null,
  schedule_at timestamp with time zone,
  send_at timestamp with time zone not null,
  state text not null,
  title text not null,
  destination text not null,
  settings jsonb not null,
  source_key text,
  output_key text,
  output_type text,
  media jsonb,
  progress real,
  run_token uuid,
  faults integer not null default 0,
  waiting_since timestamp with time zone,
  publish_id text,
  post_ids text[] not null default '{}'::text[],
  error jsonb,
  created_at timestamp with time zone not null default date_trunc('milliseconds'::text, now()),
  updated_at timestamp with time zone not null default now(),
  finished_at timestamp with time zone,
  kind text not null default 'video'::text,
  source_sha256 text,
  allow_duplicate boolean not null default false,
  description text,
  photo_cover_index integer,
  source text not null default 'pm3k_storage'::text,
  source_request jsonb,
  waiting_code text,
  gives_up_at timestamp with time zone,
  permission_lost_at timestamp with time zone,
  deaths integer not null default 0,
  source_url text,
  constraint jobs_pkey PRIMARY KEY (id),
  constraint jobs_creator_id_fkey FOREIGN KEY (creator_id) REFERENCES creators(id) ON DELETE CASCADE,
  constraint jobs_destination_check CHECK ((destination = ANY (ARRAY['direct'::text, 'inbox'::text]))),
  constraint jobs_kind_check CHECK ((kind = ANY (ARRAY['video'::text, 'photo'::text]))),
  constraint jobs_mode_check CHECK ((mode = ANY (ARRAY['now'::text, 'schedule'::text]))),
  constraint jobs_state_check CHECK ((state = ANY (ARRAY['accepted'::text, 'fetched'::text, 'ready'::text, 'sending'::text, 'sent'::text, 'finished'::text, 'failed'::text, 'cancelled'::text, 'unconfirmed'::text])))
);
CREATE INDEX jobs_creator_id_created_at_idx ON public.jobs USING btree (creator_id, created_at DESC, id DESC);
CREATE INDEX jobs_creator_id_send_at_idx ON public.jobs USING btree (creator_id, send_at);
CREATE INDEX jobs_finished_at_idx ON public.jobs USING btree (finished_at) WHERE (finished_at IS NOT NULL);
CREATE INDEX jobs_output_key_idx ON public.jobs USING btree (output_key);
CREATE INDEX jobs_permission_lost_idx ON public.jobs USING btree (creator_id, send_at) WHERE (permission_lost_at IS NOT NULL);
CREATE INDEX jobs_source_key_idx ON public.jobs USING btree (source_key);
CREATE INDEX jobs_unconfirmed_idx ON public.jobs USING btree (id) WHERE (state = 'unconfirmed'::text);
CREATE INDEX jobs_working_idx ON public.jobs USING btree (updated_at) WHERE (state = ANY (ARRAY['accepted'::text, 'fetched'::text, 'ready'::text, 'sending'::text, 'sent'::text]));
CREATE TRIGGER fill_source BEFORE INSERT ON public.jobs FOR EACH ROW EXECUTE FUNCTION fill_source();

create table knex_migrations (
  id integer not null default nextval('knex_migrations_id_seq'::regclass),
  name character varying(255),
  batch integer,
  migration_time timestamp with time zone,
  constraint knex_migrations_pkey PRIMARY KEY (id)
);

create table knex_migrations_lock (
  index integer not null default nextval('knex_migrations_lock_index_seq'::regclass),
  is_locked integer,
  constraint knex_migrations_lock_pkey PRIMARY KEY (index)
);

create table loose_files (
  storage_key text not null,
  creator_id uuid not null,
  created_at timestamp with time zone not null default now(),
  constraint loose_files_pkey PRIMARY KEY (storage_key),
  constraint loose_files_creator_id_fkey FOREIGN KEY (creator_id) REFERENCES creators(id) ON DELETE CASCADE
);
CREATE INDEX loose_files_created_at_idx ON public.loose_files USING btree (created_at);
CREATE INDEX loose_files_creator_id_idx ON public.loose_files USING btree (creator_id);

create table media (
  storage_key text not null,
  creator_id uuid not null,
  purpose text not null,
  file_name text,
  content_type text not null,
  bytes bigint not null,
  sha256 text not null,
  facts jsonb not null,
  expires_at timestamp with time zone not null,
  created_at timestamp with time zone not null default now(),
  constraint media_pkey PRIMARY KEY (storage_key),
  constraint media_creator_id_fkey FOREIGN KEY (creator_id) REFERENCES creators(id) ON DELETE CASCADE,
  constraint media_bytes_check CHECK ((bytes > 0)),
  constraint media_purpose_check CHECK ((purpose = ANY (ARRAY['upload'::text, 'working'::text])))
);
CREATE INDEX media_creator_id_created_at_idx ON public.media USING btree (creator_id, created_at DESC);
CREATE INDEX media_expires_at_storage_key_idx ON public.media USING btree (expires_at, storage_key);
CREATE INDEX media_working_idx ON public.media USING btree (storage_key) WHERE (purpose = 'working'::text);

create table oauth_states (
  state_hash text not null,
  browser_hash text not null,
  code_verifier text,
  invitation_id uuid,
  expires_at timestamp with time zone not null,
  request_id uuid,
  proof_token_hash text,
  constraint oauth_states_pkey PRIMARY KEY (state_hash),
  constraint oauth_states_invitation_id_fkey FOREIGN KEY (invitation_id) REFERENCES invitations(id) ON DELETE CASCADE,
  constraint oauth_states_request_id_fkey FOREIGN KEY (request_id) REFERENCES deletion_requests(id) ON DELETE CASCADE
);
CREATE INDEX oauth_states_expires_at_idx ON public.oauth_states USING btree (expires_at);
CREATE INDEX oauth_states_request_id_idx ON public.oauth_states USING btree (request_id);

create table operator_sessions (
  id_hash text not null,
  operator_id uuid not null,
  expires_at timestamp with time zone not null,
  created_at timestamp with time zone not null default now(),
  constraint operator_sessions_pkey PRIMARY KEY (id_hash),
  constraint operator_sessions_operator_id_fkey FOREIGN KEY (operator_id) REFERENCES operators(id) ON DELETE CASCADE
);
CREATE INDEX operator_sessions_expires_at_idx ON public.operator_sessions USING btree (expires_at);
CREATE INDEX operator_sessions_operator_id_idx ON public.operator_sessions USING btree (operator_id);

create table operators (
  id uuid not null default gen_random_uuid(),
  email text not null,
  password_hash text not null,
  password_is_initial boolean not null default false,
  configured_hash text,
  totp_secret text,
  totp_confirmed_at timestamp with time zone,
  totp_last_step bigint,
  failures integer not null default 0,
  locked_until timestamp with time zone,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint operators_email_key UNIQUE (email),
  constraint operators_pkey PRIMARY KEY (id)
);

create table photo_links (
  token_hash text not null,
  job_id uuid not null,
  position integer not null,
  storage_key text not null,
  content_type text not null,
  bytes bigint not null,
  created_at timestamp with time zone not null default now(),
  fetched_at timestamp with time zone,
  expires_at timestamp with time zone not null,
  constraint photo_links_pkey PRIMARY KEY (token_hash),
  constraint photo_links_job_id_fkey FOREIGN KEY (job_id) REFERENCES jobs(id) ON DELETE CASCADE
);
CREATE INDEX photo_links_job_id_idx ON public.photo_links USING btree (job_id);

create table posting_defaults (
  creator_id uuid not null,
  destination text not null,
  settings jsonb not null,
  declaration text not null,
  given_at timestamp with time zone not null default now(),
  constraint posting_defaults_pkey PRIMARY KEY (creator_id),
  constraint posting_defaults_creator_id_fkey FOREIGN KEY (creator_id) REFERENCES creators(id) ON DELETE CASCADE,
  constraint posting_defaults_destination_check CHECK ((destination = ANY (ARRAY['direct'::text, 'inbox'::text])))
);

create table publish_attempts (
  id uuid not null default gen_random_uuid(),
  job_id uuid not null,
  number integer not null,
  bytes bigint not null,
  publish_id text,
  upload_url text,
  chunk_bytes bigint,
  chunk_count integer,
  bytes_acknowledged bigint not null default 0,
  intended_at timestamp with time zone not null default now(),
  opened_at timestamp with time zone,
  committed_at timestamp with time zone,
  sent_at timestamp with time zone,
  closed_at timestamp with time zone,
  outcome text,
  told_publish_id text,
  unanswered_at timestamp with time zone,
  answered_404_at timestamp with time zone,
  ruled_out_at timestamp with time zone,
  constraint publish_attempts_job_id_number_key UNIQUE (job_id, number),
  constraint publish_attempts_publish_id_key UNIQUE (publish_id),
  constraint publish_attempts_pkey PRIMARY KEY (id),
  constraint publish_attempts_job_id_fkey FOREIGN KEY (job_id) REFERENCES jobs(id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX publish_attempts_one_open_idx ON public.publish_attempts USING btree (job_id) WHERE (closed_at IS NULL);

create table rate_limits (
  key text not null,
  points integer not null default 0,
  expire bigint,
  constraint rate_limits_pkey PRIMARY KEY (key)
);

create table request_log (
  id bigint not null generated always as identity,
  at timestamp with time zone not null default now(),
  ip inet,
  method text not null,
  route text not null,
  status integer not null,
  duration_ms integer not null,
  request_id text not null,
  constraint request_log_pkey PRIMARY KEY (id)
);
CREATE INDEX request_log_at_idx ON public.request_log USING btree (at);

create table schema_migrations (
  name text not null,
  applied_at timestamp with time zone not null default now(),
  constraint schema_migrations_pkey PRIMARY KEY (name)
);

create table scratch_folders (
  id text not null,
  disk uuid not null,
  started_at timestamp with time zone not null default now(),
  beat_at timestamp with time zone not null default now(),
  dead_at timestamp with time zone,
  constraint scratch_folders_pkey PRIMARY KEY (id)
);

create table sessions (
  id_hash text not null,
  creator_id uuid not null,
  expires_at timestamp with time zone not null,
  created_at timestamp with time zone not null default now(),
  constraint sessions_pkey PRIMARY KEY (id_hash),
  constraint sessions_creator_id_fkey FOREIGN KEY (creator_id) REFERENCES creators(id) ON DELETE CASCADE
);
CREATE INDEX sessions_creator_id_idx ON public.sessions USING btree (creator_id);
CREATE INDEX sessions_expires_at_idx ON public.sessions USING btree (expires_at);

create table statistics (
  period text not null,
  starts_on date not null,
  posts integer not null,
  failed integer not null,
  bytes bigint not null,
  constraint statistics_pkey PRIMARY KEY (period, starts_on),
  constraint statistics_period_check CHECK ((period = ANY (ARRAY['day'::text, 'month'::text])))
);

create table storage_in_use (
  is_only boolean not null default true,
  id uuid not null,
  since timestamp with time zone not null default now(),
  constraint storage_in_use_pkey PRIMARY KEY (is_only),
  constraint storage_in_use_is_only_check CHECK (is_only)
);

create table sweeps (
  id bigint not null generated always as identity,
  at timestamp with time zone not null default clock_timestamp(),
  what text not null,
  removed bigint not null,
  bytes bigint not null default 0,
  ms integer not null,
  constraint sweeps_pkey PRIMARY KEY (id)
);
CREATE INDEX sweeps_at_idx ON public.sweeps USING btree (at);

create table tiktok_calls (
  id bigint not null generated always as identity,
  creator_id uuid not null,
  call text not null,
  at timestamp with time zone not null default clock_timestamp(),
  constraint tiktok_calls_pkey PRIMARY KEY (id),
  constraint tiktok_calls_creator_id_fkey FOREIGN KEY (creator_id) REFERENCES creators(id) ON DELETE CASCADE
);
CREATE INDEX tiktok_calls_at_idx ON public.tiktok_calls USING btree (at);
CREATE INDEX tiktok_calls_creator_id_call_at_idx ON public.tiktok_calls USING btree (creator_id, call, at);

create table upload_parts (
  storage_key text not null,
  upload_id uuid not null,
  starts_at bigint not null,
  bytes bigint not null,
  constraint upload_parts_upload_id_starts_at_key UNIQUE (upload_id, starts_at),
  constraint upload_parts_pkey PRIMARY KEY (storage_key),
  constraint upload_parts_upload_id_fkey FOREIGN KEY (upload_id) REFERENCES uploads(id) ON DELETE CASCADE,
  constraint upload_parts_bytes_check CHECK ((bytes > 0)),
  constraint upload_parts_starts_at_check CHECK ((starts_at >= 0))
);

create table uploads (
  id uuid not null,
  creator_id uuid not null,
  storage_key text not null,
  metadata jsonb not null default '{}'::jsonb,
  length bigint,
  received bigint not null default 0,
  writer uuid not null,
  finished_at timestamp with time zone,
  expires_at timestamp with time zone not null,
  created_at timestamp with time zone not null default now(),
  constraint uploads_storage_key_key UNIQUE (storage_key),
  constraint uploads_pkey PRIMARY KEY (id),
  constraint uploads_creator_id_fkey FOREIGN KEY (creator_id) REFERENCES creators(id) ON DELETE CASCADE,
  constraint uploads_check CHECK (((received >= 0) AND ((length IS NULL) OR (received <= length)))),
  constraint uploads_length_check CHECK ((length >= 0))
);
CREATE INDEX uploads_creator_id_idx ON public.uploads USING btree (creator_id);
CREATE INDEX uploads_expires_at_idx ON public.uploads USING btree (expires_at);

create table worker_pools (
  pool_id text not null,
  lane text not null,
  started_at timestamp with time zone not null default now(),
  beat_at timestamp with time zone not null default now(),
  declared_dead boolean not null default false,
  looked_at timestamp with time zone not null default now(),
  constraint worker_pools_pkey PRIMARY KEY (pool_id)
);

CREATE OR REPLACE FUNCTION public.fill_source()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
      begin
        if new.source = 'url' then
          new.source_url := new.source_request ->> 'url';
        elsif new.source = 'pm3k_storage' and new.source_url is not null then
          new.source := 'url';
          new.source_request := jsonb_build_object('url', new.source_url);
        end if;
        return new;
      end $function$;
