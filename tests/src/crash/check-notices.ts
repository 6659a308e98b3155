import { waitFor } from '@auction/common/testing/wait-for.ts'
import type { ReceivedMail } from '@auction/local/mailbox.ts'
import { TEMPLATES } from '@auction/notification/domain/notices.ts'
import pg from 'pg'
import type { Person } from '#src/people.ts'
import { openPool } from '#src/pools.ts'
import type { DatabaseUrl } from './check.ts'

export interface NoticeCounts {
  due: number
  /** Due and not recorded. */
  missing: number
  /** Recorded more than once, or of what did not happen. */
  surplus: number
  /** Accounts that notification knows as deleted. */
  departed: number
  /** Deleted by identity, and not known here as such. */
  departuresMissing: number
  /** Notices and mails of those, and mails that arrived after. */
  afterDeletion: number
  mails: number
  /** The same mail more often than its states allow. */
  mailedTwice: number
  /** Received, and in no row: what they carry may go out once more. */
  strayMails: number
  /** Sent as the database has it, and never received. */
  mailsLost: number
  /** Mails whose outcome no one can know. */
  mailsUnknown: number
}

/** Who is to be notified of what of lots, as ledger, lots and committed events have it. */
const DUE_OF_LOTS = `
  select payload->>'userId' as user_id, 'outbid' as template, payload->>'itemId' as aggregate_id,
    payload->>'sequence' as sequence
  from outbox, json_array_elements(events) as event, lateral (select event->'envelope'->'payload') as e (payload)
  where event->'envelope'->>'event' = 'bid.outbid'
  union all
  select winner_id::text, 'won', item_id::text, null from lots where winner_id is not null
  union all
  select seller_id::text, case when winner_id is null then 'unsold' else 'sold' end, item_id::text, null
  from lots where phase = 'closed'
  union all
  select distinct bidder_id::text, case when winner_id is null then 'lot_unsold' else 'lost' end, item_id::text, null
  from bids join lots using (item_id)
  where lots.phase = 'closed' and bids.sequence is not null and bidder_id is distinct from winner_id`

/** The same of reservations, of offers and of lots that went into a new round by themselves. */
const DUE_OF_SALES = `
  select seller_id::text as user_id, 'reserved' as template, item_id::text as aggregate_id,
    purchases.sequence::text as sequence
  from purchases join lots using (item_id) where purchases.reserved_until is not null
  union all
  select seller_id::text, 'released', item_id::text, ends.sequence::text
  from reservation_ends as ends join lots using (item_id) where ends.reason <> 'paid'
  union all
  select user_id::text, 'offer_made', id::text, '1' from offers
  union all
  select case state when 'withdrawn' then user_id else seller_id end::text, 'offer_' || state, id::text, '2'
  from offers where state <> 'open'
  union all
  select seller_id::text, 'relisted', item_id::text, null from relistings join lots using (item_id) where is_automatic`

/** The same of orders, as what happened to each of them is recorded. */
const DUE_OF_ORDERS = `
  select case party when 'buyer' then buyer_id else seller_id end::text as user_id, template,
    order_id::text as aggregate_id, change.sequence::text as sequence
  from order_changes as change
  join orders on orders.id = order_id
  join (values ('create', 'order_due', 'buyer'), ('remind', 'order_reminder', 'buyer'),
    ('fall_due', 'order_overdue', 'buyer'), ('pay', 'order_paid', 'buyer'),
    ('pay', 'order_to_ship', 'seller'), ('ship', 'order_shipped', 'buyer'),
    ('cancel', 'purchase_cancelled', 'buyer'), ('cancel', 'sale_cancelled', 'seller'),
    ('reopen', 'order_reopened', 'buyer')
  ) as noticed (act, template, party) using (act)`

/** A lot ends once, and goes into a new round once; of what happens to one aggregate several times, each has its own sequence. */
const RECORDED = `
  select user_id::text, template, aggregate_id::text as aggregate_id,
    case when template not in ('won', 'sold', 'unsold', 'lost', 'lot_unsold', 'relisted')
      then sequence::text end as sequence,
    count(*)::int as count
  from notices group by 1, 2, 3, 4`

interface Fact {
  user_id: string
  template: string
  aggregate_id: string
  sequence: string | null
}

/** A mail that is being sent when its reader is deleted cannot be called back: no longer than a process is frozen. */
const UNDER_WAY_MS = 20_000

const keyOf = ({ user_id, template, aggregate_id, sequence }: Fact) =>
  `${template} ${user_id} ${aggregate_id} ${sequence ?? ''}`

type Leaver = Pick<Person, 'id' | 'email'>

/**
 * Compares what notification recorded and sent with the databases of bid and order and with what a mail server got.
 * Every notice that is due is there once; a mail arrives at most once, and once when the database calls it sent.
 * `left` are people whom identity has deleted.
 */
export async function checkNotices(
  url: DatabaseUrl,
  mails: readonly ReceivedMail[],
  left: readonly Leaver[],
): Promise<NoticeCounts> {
  const pools = ['bid', 'order', 'notification'].map((name) => openPool(url(name)))
  const [bid, order, notification] = pools as [pg.Pool, pg.Pool, pg.Pool]
  try {
    const departed = await readDeparted(notification)
    const all = [
      ...(await bid.query<Fact>(DUE_OF_LOTS)).rows,
      ...(await bid.query<Fact>(DUE_OF_SALES)).rows,
      ...(await order.query<Fact>(DUE_OF_ORDERS)).rows,
    ]
    const due = all.filter(({ user_id }) => !departed.has(user_id))
    const recorded = (await notification.query<Fact & { count: number }>(RECORDED)).rows
    const times = new Map(recorded.map((row) => [keyOf(row), row.count]))
    const wanted = new Set(due.map(keyOf))
    const surplus = recorded.filter((row) => row.count > 1 || !wanted.has(keyOf(row))).length
    return {
      due: due.length,
      missing: [...wanted].filter((key) => !times.has(key)).length,
      surplus,
      departed: departed.size,
      departuresMissing: left.filter(({ id }) => !departed.has(id)).length,
      afterDeletion: await countAfterDeletion(notification, departed, mails, left),
      ...(await compareMails(notification, mails, left)),
    }
  } finally {
    await Promise.all(pools.map((pool) => pool.end()))
  }
}

async function readDeparted(notification: pg.Pool): Promise<Map<string, Date>> {
  const { rows } = await notification.query('select user_id, departed_at from departed_users')
  return new Map(rows.map((row) => [row.user_id, row.departed_at]))
}

async function countAfterDeletion(
  notification: pg.Pool,
  departed: ReadonlyMap<string, Date>,
  mails: readonly ReceivedMail[],
  left: readonly Leaver[],
): Promise<number> {
  const { rows } = await notification.query(
    `select (select count(*) from notices where user_id = any($1))
       + (select count(*) from deliveries where user_id = any($1)) as count`,
    [[...departed.keys()]],
  )
  const goneMs = new Map(left.map(({ id, email }) => [email, departed.get(id)?.getTime()]))
  const late = noticeMails(mails).filter(
    ({ to, at }) => Date.parse(at) > (goneMs.get(to) ?? Number.POSITIVE_INFINITY) + UNDER_WAY_MS,
  )
  return Number(rows[0].count) + late.length
}

async function compareMails(
  notification: pg.Pool,
  mails: readonly ReceivedMail[],
  left: readonly Leaver[],
) {
  const { rows } = await notification.query<{ id: string; state: string; allowed: number }>(
    `select message_id::text as id, max(state) as state, 1 as allowed from deliveries
     where channel = 'mail' and message_id is not null group by message_id
     union all
     select id::text, state, case when is_repeated then 2 else 1 end from mails`,
  )
  const known = new Map(rows.map((row) => [row.id, row]))
  const received = new Map<string, number>()
  for (const { messageId } of mails) {
    received.set(idOf(messageId), (received.get(idOf(messageId)) ?? 0) + 1)
  }
  const gone = new Set(left.map(({ email }) => email))
  const notices = new Set(noticeMails(mails).map(({ messageId }) => idOf(messageId)))
  // The row of a mail goes with its reader, and one about security may have come twice by then.
  const allowed = (id: string) => known.get(id)?.allowed ?? (notices.has(id) ? 1 : 2)
  const states = (wanted: readonly string[]) => rows.filter(({ state }) => wanted.includes(state))
  return {
    mails: mails.length,
    mailedTwice: [...received].filter(([id, count]) => count > allowed(id)).length,
    strayMails: noticeMails(mails).filter(
      ({ to, messageId }) => !gone.has(to) && !known.has(idOf(messageId)),
    ).length,
    mailsLost: states(['sent']).filter(({ id }) => !received.has(id)).length,
    mailsUnknown: states(['sending', 'unknown']).length,
  }
}

const NOTICE_TEMPLATES = new Set<string>([...TEMPLATES, 'digest'])

const noticeMails = (mails: readonly ReceivedMail[]) =>
  mails.filter(({ template }) => NOTICE_TEMPLATES.has(template))

/** The id before the @ of a Message-ID, which is that of the mail's row. */
const idOf = (messageId: string) => /^<([^@]+)@/.exec(messageId)?.[1] ?? messageId

const SETTLE_TIMEOUT_MS = 180_000
const SETTLE_PAUSE_MS = 500

/** Waits until every notice is judged and every mail sent that is due by now; what is left when it waits in vain. */
export async function noticesSettled(
  url: DatabaseUrl,
  timeoutMs = SETTLE_TIMEOUT_MS,
): Promise<string | undefined> {
  return settledIn(url('notification'), timeoutMs, async (notification) => {
    const { rows } = await notification.query<Record<string, number>>(
      `select (select count(*) from notices where state = 'pending')::int as "notices to judge",
         (select count(*) from deliveries where state = 'queued' and due_at <= clock_timestamp())::int
           as "deliveries that are due",
         (select count(*) from mails where state = 'queued' and due_at <= clock_timestamp())::int
           as "mails that are due"`,
    )
    const left = Object.entries(rows[0] ?? {}).filter(([, count]) => count > 0)
    return left.map(([what, count]) => `${count} ${what}`).join(', ')
  })
}

/**
 * Waits until identity has ended every deletion that it was asked for, which it does a minute later. A deletion is
 * refused then when its user owes something after all.
 */
export async function deletionsSettled(
  url: DatabaseUrl,
  timeoutMs = SETTLE_TIMEOUT_MS,
): Promise<string | undefined> {
  return settledIn(url('identity'), timeoutMs, async (identity) => {
    const { rows } = await identity.query('select count(*)::int as count from deletions')
    return rows[0].count === 0 ? '' : `${rows[0].count} accounts that are to be deleted`
  })
}

/** Those of these people whom identity has deleted. */
export async function readDeleted(url: DatabaseUrl, people: readonly Leaver[]): Promise<Leaver[]> {
  const identity = new pg.Client({ connectionString: url('identity') })
  await identity.connect()
  try {
    const { rows } = await identity.query<{ id: string }>(
      `select id::text from users where status = 'deleted' and id = any($1)`,
      [people.map(({ id }) => id)],
    )
    const deleted = new Set(rows.map(({ id }) => id))
    return people.filter(({ id }) => deleted.has(id))
  } finally {
    await identity.end()
  }
}

/** Looks until nothing is left; answers what is left when that takes too long. */
async function settledIn(
  connectionString: string,
  timeoutMs: number,
  readLeft: (client: pg.Client) => Promise<string>,
): Promise<string | undefined> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  let left = ''
  try {
    const isOver = async () => {
      left = await readLeft(client)
      return left === ''
    }
    return await waitFor('the end', isOver, timeoutMs, SETTLE_PAUSE_MS).then(
      () => undefined,
      (error: unknown) => left || String(error),
    )
  } finally {
    await client.end()
  }
}
