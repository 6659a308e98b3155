import { type Kysely, sql } from 'kysely'
import type { Category, Channel } from '#src/domain/notices.ts'
import {
  type Choice,
  type Choices,
  type ChosenChoices,
  withDefaults,
} from '#src/domain/preferences.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/** What these users choose, defaults included. Users who chose nothing are not in the map. */
export async function readChoices(
  db: Kysely<Database>,
  userIds: readonly string[],
): Promise<Map<string, Choices>> {
  const { rows } = await sql<{
    userId: string
    category: Category
    channel: Channel
    choice: Choice
  }>`
    select user_id as "userId", category, channel, choice from preferences
    where user_id = any(${[...new Set(userIds)]}::uuid[])`.execute(db)
  const users = Map.groupBy(rows, ({ userId }) => userId)
  return new Map([...users].map(([userId, chosen]) => [userId, withDefaults(fold(chosen))]))
}

function fold(rows: readonly { category: Category; channel: Channel; choice: Choice }[]) {
  const chosen: Record<string, Partial<Record<Channel, Choice>>> = {}
  for (const { category, channel, choice } of rows) {
    chosen[category] = { ...chosen[category], [channel]: choice }
  }
  return chosen as ChosenChoices
}
