import { newId } from '@auction/common/ids.ts'
import { readClock } from '@auction/common/postgres/clock.ts'
import type { Kysely, Transaction } from 'kysely'
import type { ItemSource } from '#src/app/items/item-source.ts'
import { sendingTime } from '#src/domain/delivery-time.ts'
import { judgeNotice } from '#src/domain/judge-notice.ts'
import { CHANNELS, kindOf } from '#src/domain/notices.ts'
import { DEFAULT_CHOICES, DEFAULT_READER, type Wishes } from '#src/domain/preferences.ts'
import { isTimeZone } from '#src/domain/zone-time.ts'
import { shareDepartures } from '#src/infra/postgres/departures/departed-users.ts'
import { projectItems } from '#src/infra/postgres/items/items.ts'
import { insertDeliveries, type NewDelivery } from '#src/infra/postgres/notices/deliveries.ts'
import {
  type DueNotice,
  deleteNotices,
  dropNotices,
  postponeNotices,
  readLastSent,
  readUnnamed,
  showNotices,
  supersedeEarlier,
  takeDueNotices,
  type UnnamedNotice,
} from '#src/infra/postgres/notices/due-notices.ts'
import { readUsersWithBrowser } from '#src/infra/postgres/push/subscriptions.ts'
import { readChoices } from '#src/infra/postgres/readers/choices.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import type { NoticeMetrics } from './metrics.ts'

const BATCH = 500
// A worker that stops waits for this to end.
const WORK_MS = 5_000
// While auction cannot be asked, notices of items without a name wait, and no longer than this.
const NAME_RETRY_SECONDS = 5
const NAME_WAIT_MS = 600_000

export interface DispatchDependencies {
  db: Kysely<Database>
  itemsOf: ItemSource
  metrics?: Pick<NoticeMetrics, 'judged' | 'dispatched'>
}

/**
 * Judges notices that are due: each is dropped, or shown in the inbox of its user and queued for the ways
 * that the user chose. Any number of workers do it at once. Returns how many were judged. Throws when auction does
 * not answer: notices of items with a name are judged all the same.
 */
export async function dispatchNotices(
  dependencies: DispatchDependencies,
  batch = BATCH,
): Promise<number> {
  const untilMs = performance.now() + WORK_MS
  const failures: unknown[] = []
  let total = 0
  for (;;) {
    const startedAtMs = performance.now()
    const judged = await dispatchBatch(dependencies, batch, failures)
    total += judged
    if (judged > 0) dependencies.metrics?.dispatched((performance.now() - startedAtMs) / 1_000)
    if (judged < batch || performance.now() > untilMs) break
  }
  if (failures.length > 0) throw failures[0]
  return total
}

async function dispatchBatch(
  { db, itemsOf, metrics }: DispatchDependencies,
  limit: number,
  failures: unknown[],
): Promise<number> {
  const namedAfter = new Date((await readClock(db)).getTime() - NAME_WAIT_MS)
  const waiting = await readUnnamed(db, limit)
  const unknownItemIds = await nameItems({ db, itemsOf }, waiting, namedAfter, failures)
  const judged = await db.transaction().execute(async (tx) => {
    await shareDepartures(tx)
    return settle(tx, await takeDueNotices(tx, { limit, unknownItemIds, namedAfter }))
  })
  for (const { template, outcome } of judged) metrics?.judged(template, outcome)
  return judged.length
}

/**
 * Asks for the names of items that came before this service; no transaction is open meanwhile. Returns the
 * items that auction does not know. While it does not answer, notices wait for it, up to some minutes.
 */
async function nameItems(
  { db, itemsOf }: Pick<DispatchDependencies, 'db' | 'itemsOf'>,
  unnamed: readonly UnnamedNotice[],
  namedAfter: Date,
  failures: unknown[],
): Promise<string[]> {
  const itemIds = [...new Set(unnamed.map(({ itemId }) => itemId))]
  if (itemIds.length === 0) return []
  if (failures.length === 0) {
    try {
      const items = await itemsOf(itemIds)
      if (items.length > 0) await projectItems(db, items)
      const known = new Set(items.map(({ id }) => id))
      return itemIds.filter((id) => !known.has(id))
    } catch (error) {
      failures.push(error)
    }
  }
  const waiting = unnamed.filter(({ createdAt }) => createdAt >= namedAfter)
  await postponeNotices(
    db,
    waiting.map(({ noticeId }) => noticeId),
    NAME_RETRY_SECONDS,
  )
  return []
}

interface Judged {
  readonly template: DueNotice['template']
  readonly outcome: string
}

async function settle(tx: Transaction<Database>, due: readonly DueNotice[]): Promise<Judged[]> {
  const verdicts = due.map((notice) => ({ notice, verdict: judgeNotice(notice) }))
  const shown: DueNotice[] = []
  const sent: DueNotice[] = []
  const dropped: { id: string; reason: string }[] = []
  const gone: string[] = []
  for (const { notice, verdict } of verdicts) {
    if (verdict.outcome === 'shown') {
      shown.push(notice)
      if (verdict.isSent) sent.push(notice)
    } else if (verdict.reason === 'departed') gone.push(notice.id)
    else dropped.push({ id: notice.id, reason: verdict.reason })
  }
  if (gone.length > 0) await deleteNotices(tx, gone)
  if (dropped.length > 0) await dropNotices(tx, dropped)
  const latest = shown.filter(({ template }) => kindOf(template).isLatestOnly === true)
  if (latest.length > 0) await supersedeEarlier(tx, latest)
  if (shown.length > 0) {
    const ids = shown.map(({ id }) => id)
    await showNotices(tx, ids)
    const deliveries = await planDeliveries(tx, sent, latest)
    if (deliveries.length > 0) await insertDeliveries(tx, deliveries)
  }
  return verdicts.map(({ notice: { template }, verdict }) => ({
    template,
    outcome: verdict.outcome === 'shown' ? 'shown' : verdict.reason,
  }))
}

/** The deliveries of notices that are shown now. The earlier ones of `latest` are superseded before. */
async function planDeliveries(
  tx: Transaction<Database>,
  notices: readonly DueNotice[],
  latest: readonly DueNotice[],
): Promise<NewDelivery[]> {
  const lastSent = new Map<string, Date>()
  for (const last of latest.length === 0 ? [] : await readLastSent(tx, latest)) {
    lastSent.set(paceKey(last, last.channel), last.sentAt)
  }
  const choices = await readChoices(
    tx,
    notices.map(({ userId }) => userId),
  )
  const withBrowser = await readUsersWithBrowser(
    tx,
    notices.map(({ userId }) => userId),
  )
  const now = await readClock(tx)
  return notices.flatMap((notice) => {
    const { template, userId, timeZone, quietHours } = notice
    const wishes: Wishes = {
      // One that was stored by a process that knows more zones is no reason to stop here.
      timeZone: timeZone !== null && isTimeZone(timeZone) ? timeZone : DEFAULT_READER.timeZone,
      quietHours,
      choices: choices.get(userId) ?? DEFAULT_CHOICES,
    }
    return CHANNELS.flatMap((channel): NewDelivery[] => {
      if (channel === 'push' && !withBrowser.has(userId)) return []
      const lastSentAt = lastSent.get(paceKey(notice, channel))
      const dueAt = sendingTime({ template, channel, wishes, now, lastSentAt })
      if (dueAt === undefined) return []
      return [{ id: newId(), noticeId: notice.id, userId, channel, dueAt }]
    })
  })
}

const paceKey = (
  { userId, template, aggregateId }: Pick<DueNotice, 'userId' | 'template' | 'aggregateId'>,
  channel: string,
) => `${userId} ${template} ${aggregateId} ${channel}`
