import { type Kysely, sql, type Transaction } from 'kysely'
import type { Language, Reader } from '#src/domain/notice-text.ts'
import type { Category, Channel } from '#src/domain/notices.ts'
import { type Choice, DEFAULT_READER } from '#src/domain/preferences.ts'
import type { QuietHours } from '#src/domain/quiet-hours.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/** In which language and when a user reads, defaults included. */
export interface ReaderSettings extends Reader {
  readonly quietHours: QuietHours | undefined
}

/** Every given user is in the map. */
export async function readReaders(
  db: Kysely<Database>,
  userIds: readonly string[],
): Promise<Map<string, ReaderSettings>> {
  const { rows } = await sql<{
    userId: string
    language: Language | null
    timeZone: string | null
    quietFrom: number | null
    quietUntil: number | null
  }>`
    select user_id as "userId", language, time_zone as "timeZone", quiet_from as "quietFrom",
      quiet_until as "quietUntil"
    from readers where user_id = any(${[...new Set(userIds)]}::uuid[])`.execute(db)
  const stored = new Map(rows.map((row) => [row.userId, row]))
  return new Map(
    userIds.map((userId) => {
      const row = stored.get(userId)
      const settings = {
        language: row?.language ?? DEFAULT_READER.language,
        timeZone: row?.timeZone ?? DEFAULT_READER.timeZone,
        quietHours: row && readQuietHours(row.quietFrom, row.quietUntil),
      }
      return [userId, settings]
    }),
  )
}

export async function readReader(db: Kysely<Database>, userId: string): Promise<ReaderSettings> {
  const readers = await readReaders(db, [userId])
  return readers.get(userId) ?? { ...DEFAULT_READER, quietHours: undefined }
}

export const readQuietHours = (from: number | null, until: number | null) =>
  from === null || until === null ? undefined : { from, until }

export interface ReaderChange {
  readonly language?: Language | undefined
  readonly timeZone?: string | undefined
  /** Null: no quiet hours. */
  readonly quietHours?: QuietHours | null | undefined
}

/** Changes what is given; the transaction shares departures. */
export async function changeReader(
  tx: Transaction<Database>,
  userId: string,
  { language, timeZone, quietHours }: ReaderChange,
): Promise<void> {
  const changed = {
    ...(language === undefined ? {} : { language }),
    ...(timeZone === undefined ? {} : { time_zone: timeZone }),
    ...(quietHours === undefined
      ? {}
      : { quiet_from: quietHours?.from ?? null, quiet_until: quietHours?.until ?? null }),
  }
  await tx
    .insertInto('readers')
    .values({ user_id: userId, ...changed })
    .onConflict((conflict) =>
      conflict
        .column('user_id')
        .doUpdateSet({ ...changed, updated_at: sql<Date>`clock_timestamp()` }),
    )
    .execute()
}

/** The language in which a user registered, unless one was chosen since; the transaction shares departures. */
export async function setFirstLanguage(
  tx: Transaction<Database>,
  userId: string,
  language: Language,
): Promise<void> {
  await tx
    .insertInto('readers')
    .values({ user_id: userId, language })
    .onConflict((conflict) =>
      conflict
        .column('user_id')
        .doUpdateSet({ language, updated_at: sql<Date>`clock_timestamp()` })
        .where('readers.language', 'is', null),
    )
    .execute()
}

export interface ChangedChoice {
  readonly category: Category
  readonly channel: Channel
  readonly choice: Choice
}

/** Stores choices; the transaction shares departures. */
export async function changeChoices(
  tx: Transaction<Database>,
  userId: string,
  changes: readonly ChangedChoice[],
): Promise<void> {
  if (changes.length === 0) return
  await tx
    .insertInto('preferences')
    .values(changes.map((change) => ({ user_id: userId, ...change })))
    .onConflict((conflict) =>
      conflict
        .columns(['user_id', 'category', 'channel'])
        .doUpdateSet(({ ref }) => ({ choice: ref('excluded.choice') })),
    )
    .execute()
}
