import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { ColumnType, Generated } from 'kysely'
import type { AccountStatus } from '#src/domain/operators.ts'

type Instant = ColumnType<Date, Date | string, Date | string>

export interface UsersTable {
  id: string
  email: string
  email_normalised: string
  email_verified_at: Instant | null
  name: string
  password_hash: string
  roles: Generated<string[]>
  status: Generated<AccountStatus>
  version: Generated<number>
  created_at: Generated<Date>
  updated_at: Generated<Date>
  two_factor_enabled_at: Instant | null
}

export interface SessionsTable {
  id: string
  user_id: string
  created_at: Generated<Date>
  last_seen_at: Generated<Date>
  expires_at: Instant
  revoked_at: Instant | null
  revoked_reason: string | null
  device: string | null
  address: string | null
  authenticated_at: Generated<Date>
  methods: Generated<string[]>
  failed_proofs: Generated<number>
}

export interface RefreshTokensTable {
  digest: Buffer
  session_id: string
  created_at: Generated<Date>
  expires_at: Instant
  used_at: Instant | null
}

export interface SigningKeysTable {
  kid: string
  public_jwk: unknown
  private_key_encrypted: Buffer | null
  encryption_key_id: string
  created_at: Generated<Date>
  activates_at: Instant
  retires_at: Instant | null
}

export interface SuspensionsTable {
  user_id: string
  reason: string
  suspended_at: Generated<Date>
  ends_at: Instant | null
  suspended_by: string | null
}

export interface AcceptedTermsTable {
  user_id: string
  terms: 'seller'
  version: string
  accepted_at: Generated<Date>
}

export interface AuditEntriesTable {
  /** int8 comes as text. */
  sequence: string
  recorded_at: Instant
  action: string
  actor_id: string | null
  subject_id: string | null
  details: ColumnType<Record<string, string>, string, never>
  previous_digest: Buffer
  digest: Buffer
}

export interface TotpSecretsTable {
  user_id: string
  secret_encrypted: Buffer
  encryption_key_id: string
  created_at: Generated<Date>
  /** int8 comes as text. */
  last_used_step: Generated<string>
  short_window_began_at: Generated<Date>
  short_window_tries: Generated<number>
  long_window_began_at: Generated<Date>
  long_window_tries: Generated<number>
}

export interface RecoveryCodesTable {
  digest: Buffer
  user_id: string
  created_at: Generated<Date>
}

export interface PendingLoginsTable {
  digest: Buffer
  user_id: string
  created_at: Generated<Date>
  expires_at: Instant
  tries: Generated<number>
}

export interface PasskeysTable {
  id: string
  user_id: string
  name: string
  public_key: Buffer
  /** int8 comes as text. */
  counter: ColumnType<string, number, number>
  transports: string[]
  is_backed_up: boolean
  created_at: Generated<Date>
  last_used_at: Instant | null
}

export interface PasskeyChallengesTable {
  digest: Buffer
  purpose: 'register' | 'login' | 'challenge' | 'reauthenticate'
  user_id: string | null
  created_at: Generated<Date>
  expires_at: Instant
}

export interface PasswordResetsTable {
  digest: Buffer
  user_id: string
  created_at: Generated<Date>
  expires_at: Instant
}

export interface MailRequestsTable {
  id: string
  kind: 'reset'
  email_normalised: string
  trace: ColumnType<unknown, string, never>
  created_at: Generated<Date>
}

export interface RegistrationsTable {
  id: string
  email: string
  email_normalised: string
  name: string
  password_hash: string
  trace: ColumnType<unknown, string, never>
  created_at: Generated<Date>
  expires_at: Instant
  answered_at: Instant | null
  digest: Buffer | null
  tries: Generated<number>
}

export interface EmailChangesTable {
  id: string
  user_id: string
  session_id: string
  email: string
  email_normalised: string
  trace: ColumnType<Trace, string, never>
  created_at: Generated<Date>
  expires_at: Instant
  answered_at: Instant | null
  digest: Buffer | null
}

export interface DeletionsTable {
  user_id: string
  trace: ColumnType<Trace, string, never>
  asked_at: Generated<Date>
  due_at: Instant
}

export interface UnaskedMailsTable {
  id: string
  email_normalised: string
  asked_at: Generated<Date>
}

export interface ThrottlesTable {
  key: Buffer
  tries: number
  tries_max: number
  fills: Generated<number>
  window_seconds: number
  wait_max_seconds: number
  resets_at: Instant
}

export interface KnownOriginsTable {
  user_id: string
  digest: Buffer
  kind: 'address' | 'device'
  last_seen_at: Generated<Date>
}

export interface ProfilesTable {
  user_id: string
  phone: string | null
  phone_verified_at: Instant | null
  country: string | null
  city: string | null
  description: string | null
  is_business: Generated<boolean>
  updated_at: Generated<Date>
}

export interface ProfilePhotosTable {
  user_id: string
  digest: Buffer
  content: Buffer
  updated_at: Generated<Date>
}

export interface Database {
  profiles: ProfilesTable
  profile_photos: ProfilePhotosTable
  users: UsersTable
  password_resets: PasswordResetsTable
  mail_requests: MailRequestsTable
  registrations: RegistrationsTable
  email_changes: EmailChangesTable
  deletions: DeletionsTable
  unasked_mails: UnaskedMailsTable
  sessions: SessionsTable
  refresh_tokens: RefreshTokensTable
  signing_keys: SigningKeysTable
  audit_entries: AuditEntriesTable
  suspensions: SuspensionsTable
  accepted_terms: AcceptedTermsTable
  totp_secrets: TotpSecretsTable
  recovery_codes: RecoveryCodesTable
  pending_logins: PendingLoginsTable
  passkeys: PasskeysTable
  passkey_challenges: PasskeyChallengesTable
  throttles: ThrottlesTable
  known_origins: KnownOriginsTable
}
