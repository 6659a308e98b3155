// Generated from the migrations by `npm run db:types`; do not edit. What the database does not know
// is in schema.ts.

import type { ColumnType } from 'kysely'

export type Generated<T> =
  T extends ColumnType<infer S, infer I, infer U>
    ? ColumnType<S, I | undefined, U>
    : ColumnType<T, T | undefined, T>

export type Timestamp = ColumnType<Date, Date | string, Date | string>

export interface Deliveries {
  changed_at: Generated<Timestamp>
  channel: 'mail' | 'push'
  due_at: Timestamp
  id: string
  message_id: string | null
  notice_id: string
  reason: string | null
  state: Generated<'queued' | 'sending' | 'sent' | 'failed' | 'unknown' | 'dropped'>
  tries: Generated<number>
  user_id: string
}

export interface DepartedUsers {
  departed_at: Generated<Timestamp>
  user_id: string
}

export interface Inbox {
  consumer: string
  message_id: string
  received_at: Generated<Timestamp>
}

export interface InboxAttempts {
  attempts: number
  consumer: string
  last_at: Generated<Timestamp>
  message_id: string
}

export interface Items {
  currency_code: string
  id: string
  name: string
  seller_id: string
  sequence: bigint
  updated_at: Generated<Timestamp>
}

export interface Lots {
  closed_at: Timestamp | null
  end_sequence: bigint
  ends_at: Timestamp | null
  item_id: string
  leader_id: string | null
  outcome: string | null
  sequence: bigint
}

export interface MailReports {
  address_digest: Buffer
  is_counted: Generated<boolean>
  kind: 'hard_bounce' | 'soft_bounce' | 'complaint'
  mail_tag: Buffer
  reported_at: Generated<Timestamp>
}

export interface Mails {
  attempt_id: string | null
  changed_at: Generated<Timestamp>
  correlation_id: string
  created_at: Generated<Timestamp>
  due_at: Generated<Timestamp>
  id: string
  is_repeated: Generated<boolean>
  link: string | null
  locale: 'en' | 'de' | 'tr' | null
  name: string | null
  outdated_at: Timestamp
  reason: string | null
  recipient: string | null
  sealed_secret: Buffer | null
  state: Generated<'queued' | 'sending' | 'sent' | 'failed' | 'unknown' | 'dropped'>
  template: string
  tries: Generated<number>
  user_id: string | null
}

export interface Notices {
  aggregate_id: string
  created_at: Generated<Timestamp>
  data: ColumnType<unknown, string, string>
  due_at: Generated<Timestamp>
  happened_at: Timestamp
  id: string
  outdated_at: Timestamp
  read_at: Timestamp | null
  reason: string | null
  sequence: bigint
  shown_at: Timestamp | null
  state: Generated<'pending' | 'shown' | 'dropped'>
  template: string
  user_id: string
}

export interface Outbox {
  created_at: Generated<Timestamp>
  events: ColumnType<unknown, string, string>
  id: string
  sent_at: Timestamp | null
  seq: Generated<bigint>
}

export interface Preferences {
  category: string
  channel: 'mail' | 'push'
  choice: 'now' | 'daily' | 'weekly' | 'off'
  user_id: string
}

export interface PushSubscriptions {
  auth: string
  created_at: Generated<Timestamp>
  endpoint: string
  id: string
  label: Generated<string>
  last_success_at: Timestamp | null
  p256dh: string
  user_id: string
}

export interface Readers {
  language: 'en' | 'de' | 'tr' | null
  quiet_from: number | null
  quiet_until: number | null
  time_zone: string | null
  updated_at: Generated<Timestamp>
  user_id: string
}

export interface Suppressions {
  address_digest: Buffer
  created_at: Generated<Timestamp>
  reason: 'refused' | 'bounce' | 'complaint' | 'operator'
}

export interface WebhookAttempts {
  answer: string | null
  attempt: number
  error: string | null
  message_id: string
  milliseconds: number
  started_at: Timestamp
  status: number | null
}

export interface WebhookEndpoints {
  changed_at: Generated<Timestamp>
  created_at: Generated<Timestamp>
  description: Generated<string>
  disabled_reason: 'failing' | 'gone' | null
  event_types: string[] | null
  first_failure_at: Timestamp | null
  id: string
  is_slow: Generated<boolean>
  last_success_at: Timestamp | null
  previous_secret_until: Timestamp | null
  rate_per_second: number
  seal_key_id: string
  sealed_previous_secret: Buffer | null
  sealed_secret: Buffer
  state: Generated<'active' | 'paused' | 'disabled' | 'deleted'>
  unspent_since: Generated<Timestamp>
  url: string
  user_id: string
  warned_at: Timestamp | null
}

export interface WebhookMessages {
  attempts: Generated<number>
  changed_at: Generated<Timestamp>
  created_at: Generated<Timestamp>
  due_at: Generated<Timestamp>
  endpoint_id: string
  event_type: string
  id: string
  payload: string
  state: Generated<'queued' | 'sending' | 'delivered' | 'failed'>
  tries: Generated<number>
}

export interface DB {
  deliveries: Deliveries
  departed_users: DepartedUsers
  inbox: Inbox
  inbox_attempts: InboxAttempts
  items: Items
  lots: Lots
  mail_reports: MailReports
  mails: Mails
  notices: Notices
  outbox: Outbox
  preferences: Preferences
  push_subscriptions: PushSubscriptions
  readers: Readers
  suppressions: Suppressions
  webhook_attempts: WebhookAttempts
  webhook_endpoints: WebhookEndpoints
  webhook_messages: WebhookMessages
}
