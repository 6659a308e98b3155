/** What is written down of a sensitive act. Details hold names and reasons, never secrets. */
export interface AuditEntry {
  sequence: bigint
  recordedAt: Date
  /** `password.changed`, `user.suspended` … */
  action: string
  actorId: string | null
  subjectId: string | null
  details: Readonly<Record<string, string>>
}
