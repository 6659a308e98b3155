-- One row per commit with all its events in order: [{key, exchange, aggregateId, traceparent, envelope}].
create table outbox (
  id uuid primary key,
  seq bigint generated always as identity,
  events json not null,
  created_at timestamptz not null default clock_timestamp(),
  sent_at timestamptz
);
create index outbox_unsent on outbox (seq) where sent_at is null;

-- Messages whose effects are committed; inserted in the transaction of the effects.
create table inbox (
  consumer text not null,
  message_id uuid not null,
  received_at timestamptz not null default clock_timestamp(),
  primary key (consumer, message_id)
);
create index inbox_age on inbox (received_at);

-- Deliveries that came again: counted in a transaction of their own before the handler runs, so
-- that a message which kills the process is counted all the same.
create table inbox_attempts (
  consumer text not null,
  message_id uuid not null,
  attempts integer not null,
  last_at timestamptz not null default clock_timestamp(),
  primary key (consumer, message_id)
);
