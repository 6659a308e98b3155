// Generated from the migrations by `npm run db:types`; do not edit. What the database does not know
// is in schema.ts.

import type { ColumnType } from 'kysely'

export type Generated<T> =
  T extends ColumnType<infer S, infer I, infer U>
    ? ColumnType<S, I | undefined, U>
    : ColumnType<T, T | undefined, T>

export type Timestamp = ColumnType<Date, Date | string, Date | string>

export interface AcceptedTerms {
  accepted_at: Generated<Timestamp>
  terms: 'seller'
  user_id: string
  version: string
}

export interface AuditEntries {
  action: string
  actor_id: string | null
  details: Generated<ColumnType<unknown, string, string>>
  digest: Buffer
  previous_digest: Buffer
  recorded_at: Timestamp
  sequence: bigint
  subject_id: string | null
}

export interface Deletions {
  asked_at: Generated<Timestamp>
  digest: Buffer | null
  due_at: Timestamp
  look_at: Timestamp | null
  trace: ColumnType<unknown, string, string>
  user_id: string
}

export interface EmailChanges {
  answered_at: Timestamp | null
  created_at: Generated<Timestamp>
  digest: Buffer | null
  email: string
  email_normalised: string
  expires_at: Timestamp
  id: string
  locale: 'en' | 'de' | 'tr' | null
  session_id: string
  trace: ColumnType<unknown, string, string>
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

export interface KnownOrigins {
  digest: Buffer
  kind: 'address' | 'device'
  last_seen_at: Generated<Timestamp>
  user_id: string
}

export interface MailRequests {
  created_at: Generated<Timestamp>
  email_normalised: string
  id: string
  kind: 'reset'
  trace: ColumnType<unknown, string, string>
}

export interface Outbox {
  created_at: Generated<Timestamp>
  events: ColumnType<unknown, string, string>
  id: string
  sent_at: Timestamp | null
  seq: Generated<bigint>
}

export interface PasskeyChallenges {
  created_at: Generated<Timestamp>
  digest: Buffer
  expires_at: Timestamp
  purpose: 'register' | 'login' | 'challenge' | 'reauthenticate'
  user_id: string | null
}

export interface Passkeys {
  counter: bigint
  created_at: Generated<Timestamp>
  id: string
  is_backed_up: boolean
  last_used_at: Timestamp | null
  name: string
  public_key: Buffer
  transports: Generated<string[]>
  user_id: string
}

export interface PasswordResets {
  created_at: Generated<Timestamp>
  digest: Buffer
  expires_at: Timestamp
  user_id: string
}

export interface PendingLogins {
  created_at: Generated<Timestamp>
  digest: Buffer
  expires_at: Timestamp
  tries: Generated<number>
  user_id: string
}

export interface ProfilePhotos {
  content: Buffer
  digest: Buffer
  updated_at: Generated<Timestamp>
  user_id: string
}

export interface Profiles {
  city: string | null
  country: string | null
  description: string | null
  is_business: Generated<boolean>
  phone: string | null
  phone_verified_at: Timestamp | null
  updated_at: Generated<Timestamp>
  user_id: string
}

export interface RecoveryCodes {
  created_at: Generated<Timestamp>
  digest: Buffer
  user_id: string
}

export interface RefreshTokens {
  created_at: Generated<Timestamp>
  digest: Buffer
  expires_at: Timestamp
  session_id: string
  used_at: Timestamp | null
}

export interface Registrations {
  answered_at: Timestamp | null
  created_at: Generated<Timestamp>
  digest: Buffer | null
  email: string
  email_normalised: string
  expires_at: Timestamp
  id: string
  locale: 'en' | 'de' | 'tr' | null
  name: string
  password_hash: string
  trace: ColumnType<unknown, string, string>
  tries: Generated<number>
}

export interface Sessions {
  address: string | null
  authenticated_at: Generated<Timestamp>
  cookie_digest: Buffer | null
  created_at: Generated<Timestamp>
  device: string | null
  expires_at: Timestamp
  failed_proofs: Generated<number>
  id: string
  last_seen_at: Generated<Timestamp>
  latest_end: Timestamp | null
  methods: Generated<string[]>
  remembered: boolean | null
  revoked_at: Timestamp | null
  revoked_reason: string | null
  user_id: string
}

export interface SigningKeys {
  activates_at: Timestamp
  created_at: Generated<Timestamp>
  encryption_key_id: string
  kid: string
  private_key_encrypted: Buffer | null
  public_jwk: ColumnType<unknown, string, string>
  retires_at: Timestamp | null
}

export interface StrikeReports {
  pardoned_until: Timestamp | null
  sequence: bigint
  suspended_until: Timestamp | null
  user_id: string
}

export interface Suspensions {
  cause: Generated<'operator' | 'strikes'>
  ends_at: Timestamp | null
  reason: string
  suspended_at: Generated<Timestamp>
  suspended_by: string | null
  user_id: string
}

export interface Throttles {
  fills: Generated<number>
  key: Buffer
  resets_at: Timestamp
  tries: number
  tries_max: number
  wait_max_seconds: number
  window_seconds: number
}

export interface TotpSecrets {
  created_at: Generated<Timestamp>
  encryption_key_id: string
  last_used_step: Generated<bigint>
  long_window_began_at: Generated<Timestamp>
  long_window_tries: Generated<number>
  secret_encrypted: Buffer
  short_window_began_at: Generated<Timestamp>
  short_window_tries: Generated<number>
  user_id: string
}

export interface UnaskedMails {
  asked_at: Generated<Timestamp>
  email_normalised: string
  id: string
}

export interface Users {
  created_at: Generated<Timestamp>
  email: string
  email_normalised: string
  email_verified_at: Timestamp | null
  id: string
  name: string
  ownership_proofs: Generated<number>
  password_hash: string
  roles: Generated<string[]>
  status: Generated<'active' | 'suspended' | 'deleting' | 'deleted'>
  two_factor_enabled_at: Timestamp | null
  updated_at: Generated<Timestamp>
  version: Generated<number>
}

export interface DB {
  accepted_terms: AcceptedTerms
  audit_entries: AuditEntries
  deletions: Deletions
  email_changes: EmailChanges
  inbox: Inbox
  inbox_attempts: InboxAttempts
  known_origins: KnownOrigins
  mail_requests: MailRequests
  outbox: Outbox
  passkey_challenges: PasskeyChallenges
  passkeys: Passkeys
  password_resets: PasswordResets
  pending_logins: PendingLogins
  profile_photos: ProfilePhotos
  profiles: Profiles
  recovery_codes: RecoveryCodes
  refresh_tokens: RefreshTokens
  registrations: Registrations
  sessions: Sessions
  signing_keys: SigningKeys
  strike_reports: StrikeReports
  suspensions: Suspensions
  throttles: Throttles
  totp_secrets: TotpSecrets
  unasked_mails: UnaskedMails
  users: Users
}
