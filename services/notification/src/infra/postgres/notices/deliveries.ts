import { arrayLiteral } from '@auction/common/postgres/array-literal.ts'
import { sql, type Transaction } from 'kysely'
import type { LotFacts } from '#src/domain/judge-notice.ts'
import type { Channel, NoticeData, Template } from '#src/domain/notices.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface NewDelivery {
  readonly id: string
  readonly noticeId: string
  readonly userId: string
  readonly channel: Channel
  readonly dueAt: Date
}

/** Queues deliveries; one that is there already stays as it is. */
export async function insertDeliveries(
  tx: Transaction<Database>,
  deliveries: readonly NewDelivery[],
): Promise<void> {
  await sql`
    insert into deliveries (id, notice_id, user_id, channel, due_at)
    select * from unnest(
      ${arrayLiteral(deliveries.map(({ id }) => id))}::uuid[],
      ${arrayLiteral(deliveries.map(({ noticeId }) => noticeId))}::uuid[],
      ${arrayLiteral(deliveries.map(({ userId }) => userId))}::uuid[],
      ${arrayLiteral(deliveries.map(({ channel }) => channel))}::text[],
      ${arrayLiteral(deliveries.map(({ dueAt }) => dueAt.toISOString()))}::timestamptz[]
    ) as e (id, notice_id, user_id, channel, due_at)
    on conflict do nothing`.execute(tx)
}

/** A delivery with its notice and what decides whether it is sent. */
export interface ClaimedDelivery {
  readonly id: string
  readonly noticeId: string
  readonly userId: string
  readonly channel: Channel
  readonly dueAt: Date
  readonly template: Template
  readonly aggregateId: string
  readonly sequence: bigint
  readonly data: NoticeData
  readonly happenedAt: Date
  readonly isRead: boolean
  readonly hasDeparted: boolean
  readonly hasLater: boolean
  readonly lot: LotFacts | undefined
}

/** These deliveries as they are in this transaction; those that are deleted are left out. */
export async function readDeliveries(
  tx: Transaction<Database>,
  deliveryIds: readonly string[],
): Promise<ClaimedDelivery[]> {
  const { rows } = await sql<
    Omit<ClaimedDelivery, 'lot'> & {
      lotSequence: bigint | null
      leaderId: string | null
      isClosed: boolean
    }
  >`
    select delivery.id, delivery.notice_id as "noticeId", delivery.user_id as "userId",
      delivery.channel, delivery.due_at as "dueAt", notice.template,
      notice.aggregate_id as "aggregateId", notice.sequence, notice.data,
      notice.happened_at as "happenedAt", notice.read_at is not null as "isRead",
      exists (select from departed_users as gone where gone.user_id = notice.user_id)
        as "hasDeparted",
      exists (
        select from notices as later
        where later.user_id = notice.user_id and later.template = notice.template
          and later.aggregate_id = notice.aggregate_id and later.sequence > notice.sequence
      ) as "hasLater",
      lot.sequence as "lotSequence", lot.leader_id as "leaderId",
      lot.closed_at is not null as "isClosed"
    from deliveries as delivery
    join notices as notice on notice.id = delivery.notice_id
    left join lots as lot on lot.item_id = notice.aggregate_id
    where delivery.id = any(${[...deliveryIds]}::uuid[])
    order by notice.happened_at, notice.id`.execute(tx)
  return rows.map(({ lotSequence, leaderId, isClosed, ...row }) => ({
    ...row,
    lot: lotSequence === null ? undefined : { sequence: lotSequence, leaderId, isClosed },
  }))
}
