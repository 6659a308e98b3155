import type { Narrow } from '@auction/common/postgres/database.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type * as tables from './tables.ts'

/** The tables as tables.ts generates them, with the types that the database does not know. */
export interface Database extends Omit<tables.DB, keyof Narrowed>, Narrowed {}

interface Narrowed {
  audit_entries: Narrow<tables.AuditEntries, { details: Record<string, string> }>
  deletions: Narrow<tables.Deletions, { trace: Trace }>
  email_changes: Narrow<tables.EmailChanges, { trace: Trace }>
}
