import { newId } from '@auction/common/ids.ts'
import type { Transaction } from 'kysely'
import { enqueueWebhooks } from '#src/app/webhooks/enqueue-webhooks.ts'
import type { NewNotice } from '#src/domain/notices.ts'
import { shareDepartures } from '#src/infra/postgres/departures/departed-users.ts'
import { insertNotices } from '#src/infra/postgres/notices/new-notices.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface RecordedNotice extends NewNotice {
  readonly id: string
}

/**
 * Records what users are to be notified of, and queues it for their webhooks, in the transaction that
 * consumes the event. It is the one way in. A notice that is recorded already, or whose user is gone, is left out; returns the others.
 */
export async function recordNotices(
  tx: Transaction<Database>,
  notices: readonly NewNotice[],
): Promise<RecordedNotice[]> {
  if (notices.length === 0) return []
  await shareDepartures(tx)
  const given = notices.map((notice) => ({ ...notice, id: newId() }))
  const recorded = await insertNotices(tx, given)
  const added = given.filter(({ id }) => recorded.has(id))
  await enqueueWebhooks(tx, added)
  return added
}
