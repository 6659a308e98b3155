import { arrayLiteral } from '@auction/common/postgres/array-literal.ts'
import { type Kysely, sql, type Transaction } from 'kysely'
import type { LotFacts } from '#src/domain/judge-notice.ts'
import type { LotOutcome } from '#src/domain/lot-state.ts'
import { kindOf, TEMPLATES, type Template } from '#src/domain/notices.ts'
import type { QuietHours } from '#src/domain/quiet-hours.ts'
import { readQuietHours } from '#src/infra/postgres/readers/readers.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/** A notice that is due, with what decides about it. */
export interface DueNotice {
  readonly id: string
  readonly userId: string
  readonly template: Template
  readonly aggregateId: string
  readonly sequence: bigint
  readonly isOutdated: boolean
  readonly hasDeparted: boolean
  readonly hasLater: boolean
  readonly lot: (LotFacts & { readonly outcome: LotOutcome | null }) | undefined
  readonly timeZone: string | null
  readonly quietHours: QuietHours | undefined
}

interface DueRow extends Omit<DueNotice, 'lot' | 'quietHours'> {
  lotSequence: bigint | null
  leaderId: string | null
  outcome: LotOutcome | null
  quietFrom: number | null
  quietUntil: number | null
}

const LATEST_ONLY = TEMPLATES.filter((template) => kindOf(template).isLatestOnly === true)

// A version that is newer than this one may have others; they are left to it.
const isKnown = sql`notice.template = any(${[...TEMPLATES]})`
const itemId = sql`(notice.data ->> 'itemId')::uuid`

export interface TakeOptions {
  readonly limit: number
  /** Items that auction does not know: their notices are taken without a name. */
  readonly unknownItemIds: readonly string[]
  /** So are notices from before this instant. */
  readonly namedAfter: Date
}

/**
 * Takes notices that are due; those that another worker has taken are skipped, and those whose item has no
 * name yet are left.
 */
export async function takeDueNotices(
  tx: Transaction<Database>,
  { limit, unknownItemIds, namedAfter }: TakeOptions,
): Promise<DueNotice[]> {
  const { rows } = await sql<DueRow>`
    select notice.id, notice.user_id as "userId", notice.template,
      notice.aggregate_id as "aggregateId", notice.sequence,
      notice.outdated_at <= statement_timestamp() as "isOutdated",
      exists (select from departed_users as gone where gone.user_id = notice.user_id)
        as "hasDeparted",
      notice.template = any(${LATEST_ONLY}) and exists (
        select from notices as later
        where later.user_id = notice.user_id and later.template = notice.template
          and later.aggregate_id = notice.aggregate_id and later.sequence > notice.sequence
      ) as "hasLater",
      lot.sequence as "lotSequence", lot.leader_id as "leaderId", lot.outcome,
      reader.time_zone as "timeZone", reader.quiet_from as "quietFrom",
      reader.quiet_until as "quietUntil"
    from notices as notice
    left join lots as lot on lot.item_id = notice.aggregate_id
    left join readers as reader on reader.user_id = notice.user_id
    where notice.state = 'pending' and notice.due_at <= statement_timestamp() and ${isKnown}
      and (${itemId} is null or notice.data ? 'itemName' or notice.created_at < ${namedAfter}
        or ${itemId} = any(${[...unknownItemIds]}::uuid[])
        or exists (select from items where items.id = ${itemId}))
    order by notice.due_at limit ${limit}
    for update of notice skip locked`.execute(tx)
  return rows.map(({ lotSequence, leaderId, outcome, quietFrom, quietUntil, ...row }) => ({
    ...row,
    lot:
      lotSequence === null
        ? undefined
        : { sequence: lotSequence, leaderId, outcome, isClosed: outcome !== null },
    quietHours: readQuietHours(quietFrom, quietUntil),
  }))
}

export interface UnnamedNotice {
  readonly noticeId: string
  readonly itemId: string
  readonly createdAt: Date
}

/** Notices that are due and whose item has no name here yet, among the first so many. */
export async function readUnnamed(db: Kysely<Database>, limit: number): Promise<UnnamedNotice[]> {
  const { rows } = await sql<UnnamedNotice>`
    select due.id as "noticeId", due.item_id as "itemId", due.created_at as "createdAt" from (
      select notice.id, notice.created_at, ${itemId} as item_id, notice.data ->> 'itemName' as name
      from notices as notice
      where notice.state = 'pending' and notice.due_at <= statement_timestamp() and ${isKnown}
      order by notice.due_at limit ${limit}
    ) as due
    where due.item_id is not null and due.name is null
      and not exists (select from items where items.id = due.item_id)`.execute(db)
  return rows
}

/** Postpones notices that are not judged meanwhile. */
export async function postponeNotices(
  db: Kysely<Database>,
  noticeIds: readonly string[],
  bySeconds: number,
): Promise<void> {
  await sql`
    update notices set due_at = clock_timestamp() + make_interval(secs => ${bySeconds})
    where id in (
      select id from notices where id = any(${[...noticeIds]}::uuid[]) and state = 'pending'
      order by id for update skip locked)`.execute(db)
}

/** A notice that replaces all before it of the same user, template and aggregate. */
export type LatestNotice = Pick<DueNotice, 'userId' | 'template' | 'aggregateId' | 'sequence'>

const latestRows = (notices: readonly LatestNotice[]) => sql`
  unnest(
    ${arrayLiteral(notices.map(({ userId }) => userId))}::uuid[],
    ${arrayLiteral(notices.map(({ template }) => template))}::text[],
    ${arrayLiteral(notices.map(({ aggregateId }) => aggregateId))}::uuid[],
    ${arrayLiteral(notices.map(({ sequence }) => sequence))}::bigint[]
  ) as latest (user_id, template, aggregate_id, sequence)
  join notices as notice on notice.user_id = latest.user_id and notice.template = latest.template
    and notice.aggregate_id = latest.aggregate_id and notice.sequence < latest.sequence`

/**
 * Takes notices before the latest ones out of inboxes, and drops their deliveries that no one has begun to
 * send. Waits for senders that are just beginning, so that what they begin counts as sent.
 */
export async function supersedeEarlier(
  tx: Transaction<Database>,
  latest: readonly LatestNotice[],
): Promise<void> {
  await sql`
    with earlier as materialized (
      select delivery.id from ${latestRows(latest)}
      join deliveries as delivery on delivery.notice_id = notice.id
      where delivery.state = 'queued' order by delivery.id for update of delivery
    )
    update deliveries set state = 'dropped', reason = 'superseded', changed_at = clock_timestamp()
    from earlier where deliveries.id = earlier.id`.execute(tx)
  await sql`
    with earlier as materialized (
      select notice.id from ${latestRows(latest)}
      where notice.state = 'shown' order by notice.id for no key update of notice
    )
    update notices set state = 'dropped', reason = 'superseded'
    from earlier where notices.id = earlier.id`.execute(tx)
}

export interface LastSent {
  readonly userId: string
  readonly template: Template
  readonly aggregateId: string
  readonly channel: 'mail' | 'push'
  readonly sentAt: Date
}

/** When earlier ones of these were last sent, or may have been, by each channel. */
export async function readLastSent(
  tx: Transaction<Database>,
  latest: readonly LatestNotice[],
): Promise<LastSent[]> {
  const { rows } = await sql<LastSent>`
    select notice.user_id as "userId", notice.template, notice.aggregate_id as "aggregateId",
      delivery.channel, max(delivery.changed_at) as "sentAt"
    from ${latestRows(latest)}
    join deliveries as delivery on delivery.notice_id = notice.id
    where delivery.state in ('sending', 'sent', 'unknown')
    group by notice.user_id, notice.template, notice.aggregate_id, delivery.channel`.execute(tx)
  return rows
}

/** Shows notices in inboxes, with the names of their items, and for lots without a sale why. */
export async function showNotices(
  tx: Transaction<Database>,
  noticeIds: readonly string[],
): Promise<void> {
  await sql`
    update notices set state = 'shown', shown_at = date_trunc('milliseconds', clock_timestamp()),
      data = jsonb_strip_nulls(jsonb_build_object(
          'currencyCode', case when notice.data ? 'amount' then item.currency_code end,
          'reason', case when notice.template = 'lot_unsold' then lot.outcome end))
        || notice.data || jsonb_strip_nulls(jsonb_build_object('itemName', item.name))
    from notices as notice
    left join items as item on item.id = ${itemId}
    left join lots as lot on lot.item_id = notice.aggregate_id
    where notices.id = notice.id and notice.id = any(${[...noticeIds]}::uuid[])`.execute(tx)
}

/** Drops notices, each for its reason. */
export async function dropNotices(
  tx: Transaction<Database>,
  dropped: readonly { readonly id: string; readonly reason: string }[],
): Promise<void> {
  await sql`
    update notices set state = 'dropped', reason = e.reason
    from unnest(
      ${arrayLiteral(dropped.map(({ id }) => id))}::uuid[],
      ${arrayLiteral(dropped.map(({ reason }) => reason))}::text[]
    ) as e (id, reason)
    where notices.id = e.id`.execute(tx)
}

/** Deletes notices of users who are gone. */
export async function deleteNotices(
  tx: Transaction<Database>,
  noticeIds: readonly string[],
): Promise<void> {
  await sql`delete from notices where id = any(${[...noticeIds]}::uuid[])`.execute(tx)
}

/** How long the oldest notice is overdue, in seconds; 0 when none is. */
export async function readDispatchLag(db: Kysely<Database>): Promise<number> {
  const { rows } = await sql<{ seconds: number }>`
    select coalesce(greatest(extract(epoch from clock_timestamp() - min(due_at)), 0), 0)::float8
      as seconds
    from notices where state = 'pending'`.execute(db)
  return rows[0]?.seconds ?? 0
}

/** Deletes notices that are older than the retention, with their deliveries; returns how many. */
export async function purgeNotices(
  db: Kysely<Database>,
  retentionDays: number,
  limit: number,
): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from notices where id in (
      select id from notices
      where created_at < statement_timestamp() - make_interval(days => ${retentionDays})
      order by created_at limit ${limit} for update skip locked)`.execute(db)
  return Number(numAffectedRows ?? 0n)
}
