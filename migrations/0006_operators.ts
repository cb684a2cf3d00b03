// Operators who sign in with a password, their sessions, and the log of what they did.
import type { Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table operators (
      id uuid primary key default gen_random_uuid(),
      email text not null unique,
      password_hash text not null,
      -- Made by another operator, shown once, and to be replaced at the first sign-in.
      password_is_initial boolean not null default false,
      -- Tells whether ADMIN_PASSWORD changed since it was last applied.
      configured_hash text,
      totp_secret text,
      totp_confirmed_at timestamptz,
      -- The last code's time step: a code works once.
      totp_last_step bigint,
      failures integer not null default 0,
      locked_until timestamptz,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now()
    );

    create table operator_sessions (
      id_hash text primary key,
      operator_id uuid not null references operators on delete cascade,
      expires_at timestamptz not null,
      created_at timestamptz not null default now()
    );
    create index operator_sessions_operator_id_idx on operator_sessions (operator_id);
    create index operator_sessions_expires_at_idx on operator_sessions (expires_at);

    create table audit_log (
      id bigint generated always as identity primary key,
      at timestamptz not null default clock_timestamp(),
      operator_id uuid references operators on delete set null,
      operator_email text not null,
      act text not null,
      -- What was acted on: the number of a request, an operator's email; never a creator.
      subject text,
      note text
    );
    create index audit_log_at_idx on audit_log (at);
    create index audit_log_operator_id_idx on audit_log (operator_id);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table audit_log, operator_sessions, operators');
}
