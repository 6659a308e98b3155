import { newId } from '@auction/common/ids.ts'
import type { Kysely } from 'kysely'
import type { WordList } from '#src/domain/words.ts'
import { insertReport } from '#src/infra/postgres/moderation/reports.ts'
import { takeTexts } from '#src/infra/postgres/moderation/word-checks.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

const BATCH_MAX = 200

/**
 * Checks texts written since the last run. A word of the list makes a report for the moderators and
 * refuses nothing: a seller of replicas may say so. Returns how many texts there were.
 */
export async function checkWords(db: Kysely<Database>, words: WordList): Promise<number> {
  return db.transaction().execute(async (tx) => {
    const texts = await takeTexts(tx, BATCH_MAX)
    for (const { itemId, commentId, text } of texts) {
      const found = words.find(text)
      if (found.length === 0) continue
      const note = found.join(', ').slice(0, 1_000)
      const what = { itemId, commentId, reporterId: null, reason: 'words' as const, note }
      await insertReport(tx, { id: newId(), ...what })
    }
    return texts.length
  })
}
