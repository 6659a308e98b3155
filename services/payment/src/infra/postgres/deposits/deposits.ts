import { type Kysely, sql, type Transaction } from 'kysely'
import { type DepositState, type DepositWish, RETURN_FAILED } from '#src/domain/deposit.ts'
import type { OperationState } from '#src/domain/judge-payment.ts'
import { looksOf } from '#src/infra/postgres/looks.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface NewDeposit {
  id: string
  itemId: string
  bidderId: string
  sellerId: string
  currencyCode: string
  amount: bigint
  sellerPercent: number
  provider: string
  returnUrl: string
  expiresAt: Date
  lotEndsAt: Date
  dueAt: Date
  lotCheckAt: Date
  idempotencyKey: string
  requestHash: Buffer
  traceparent: string
  correlationId: string
}

export interface DepositOperation {
  id: string
  kind: 'begin' | 'capture' | 'cancel' | 'refund'
  key: string
  state: OperationState
  tries: number
}

export interface Deposit {
  id: string
  itemId: string
  bidderId: string
  sellerId: string
  currencyCode: string
  amount: bigint
  sellerPercent: number
  provider: string
  state: DepositState
  code: string | null
  reference: string | null
  chargeReference: string | null
  nextUrl: string | null
  returnUrl: string
  expiresAt: Date
  holdEndsAt: Date | null
  wish: DepositWish | null
  wishReason: string | null
  orderId: string | null
  /** It was taken, or will be, and is to be given back. */
  returnWishedAt: Date | null
  requestHash: Buffer
  sequence: number
  traceparent: string
  correlationId: string
  createdAt: Date
  heldAt: Date | null
  failures: number
  operations: DepositOperation[]
}

const COLUMNS = [
  'id',
  'item_id as itemId',
  'bidder_id as bidderId',
  'seller_id as sellerId',
  'currency_code as currencyCode',
  'amount',
  'seller_percent as sellerPercent',
  'provider',
  'state',
  'code',
  'reference',
  'charge_reference as chargeReference',
  'next_url as nextUrl',
  'return_url as returnUrl',
  'expires_at as expiresAt',
  'hold_ends_at as holdEndsAt',
  'wish',
  'wish_reason as wishReason',
  'order_id as orderId',
  'return_wished_at as returnWishedAt',
  'request_hash as requestHash',
  'sequence',
  'traceparent',
  'correlation_id as correlationId',
  'created_at as createdAt',
  'held_at as heldAt',
  'failures',
] as const

/** Writes a deposit and what the provider is asked first. Fails while the bidder has a page for the same lot. */
export async function insertDeposit(
  tx: Transaction<Database>,
  deposit: NewDeposit,
  operation: { id: string; key: string },
): Promise<void> {
  await tx
    .insertInto('deposits')
    .values({
      id: deposit.id,
      item_id: deposit.itemId,
      bidder_id: deposit.bidderId,
      seller_id: deposit.sellerId,
      currency_code: deposit.currencyCode,
      amount: deposit.amount,
      seller_percent: deposit.sellerPercent,
      provider: deposit.provider,
      state: 'requested',
      return_url: deposit.returnUrl,
      expires_at: deposit.expiresAt,
      lot_ends_at: deposit.lotEndsAt,
      lot_check_at: deposit.lotCheckAt,
      due_at: deposit.dueAt,
      idempotency_key: deposit.idempotencyKey,
      request_hash: deposit.requestHash,
      traceparent: deposit.traceparent,
      correlation_id: deposit.correlationId,
    })
    .execute()
  await tx
    .insertInto('deposit_operations')
    .values({
      id: operation.id,
      deposit_id: deposit.id,
      kind: 'begin',
      key: operation.key,
      state: 'sending',
      tries: 1,
      sent_at: sql<Date>`clock_timestamp()`,
    })
    .execute()
}

export async function readDeposit(db: Kysely<Database>, id: string): Promise<Deposit | undefined> {
  const deposit = await db
    .selectFrom('deposits')
    .select(COLUMNS)
    .where('id', '=', id)
    .executeTakeFirst()
  if (deposit === undefined) return undefined
  const operations = await db
    .selectFrom('deposit_operations')
    .select(['id', 'kind', 'key', 'state', 'tries'])
    .where('deposit_id', '=', id)
    .orderBy('created_at')
    .execute()
  return { ...deposit, operations }
}

/**
 * Locks a deposit, and with it the others that its bidder has for the lot: one that is held ends the one before it. In id
 * order, as all that lock several.
 */
export async function lockDeposit(
  tx: Transaction<Database>,
  id: string,
): Promise<Deposit | undefined> {
  await sql`
    select d.id from deposits d join deposits o on o.item_id = d.item_id and o.bidder_id = d.bidder_id
    where o.id = ${id} and (d.id = o.id or d.state in ('requested', 'held'))
    order by d.id for update of d`.execute(tx)
  return readDeposit(tx, id)
}

export async function findDepositByKey(
  db: Kysely<Database>,
  bidderId: string,
  idempotencyKey: string,
): Promise<string | undefined> {
  const row = await db
    .selectFrom('deposits')
    .select('id')
    .where('bidder_id', '=', bidderId)
    .where('idempotency_key', '=', idempotencyKey)
    .executeTakeFirst()
  return row?.id
}

/** What a bidder has for a lot that is neither over nor about to be, the newest first. */
export async function findLiveDeposits(
  db: Kysely<Database>,
  itemId: string,
  bidderId: string,
): Promise<Deposit[]> {
  const rows = await db
    .selectFrom('deposits')
    .select('id')
    .where('item_id', '=', itemId)
    .where('bidder_id', '=', bidderId)
    .where('state', 'in', ['requested', 'held'])
    .orderBy('id', 'desc')
    .execute()
  const deposits = await Promise.all(rows.map(({ id }) => readDeposit(db, id)))
  return deposits.filter((one) => one !== undefined)
}

/** The deposits of a bidder, the newest first. */
export async function listDeposits(
  db: Kysely<Database>,
  { bidderId, itemId, limit }: { bidderId: string; itemId: string | undefined; limit: number },
): Promise<Deposit[]> {
  const rows = await db
    .selectFrom('deposits')
    .select(COLUMNS)
    .where('bidder_id', '=', bidderId)
    .$if(itemId !== undefined, (query) => query.where('item_id', '=', itemId ?? ''))
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
  return rows.map((row) => ({ ...row, operations: [] }))
}

/** A deposit by a name that a provider has for it, or by our own id. */
export async function findDepositByReferences(
  db: Kysely<Database>,
  provider: string,
  references: readonly string[],
): Promise<string | undefined> {
  if (references.length === 0) return undefined
  const { rows } = await sql<{ id: string }>`
    select id from deposits
    where provider = ${provider} and (
      reference = any(${references}::text[])
      or charge_reference = any(${references}::text[])
      or id = any(array(
        select one::uuid from unnest(${references}::text[]) as one
        where one ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
      ))
    )
    limit 1`.execute(db)
  return rows[0]?.id
}

export interface DepositChange {
  state?: DepositState
  code?: string | null
  reference?: string
  chargeReference?: string
  nextUrl?: string | null
  holdEndsAt?: Date | null
  heldAt?: Date
  endedAt?: Date
  returnedAt?: Date
  /** When bid is asked for the lot; null: never again. */
  lotCheckAt?: Date | null
  /** Absent: nothing that is published has changed. */
  sequence?: number
}

/** Changes a deposit that the caller has locked. */
export async function updateDeposit(
  tx: Transaction<Database>,
  id: string,
  change: DepositChange,
): Promise<void> {
  const { state, code, reference, chargeReference, nextUrl } = change
  const { holdEndsAt, heldAt, endedAt, returnedAt, lotCheckAt, sequence } = change
  const values = {
    state,
    code,
    reference,
    charge_reference: chargeReference,
    next_url: nextUrl,
    hold_ends_at: holdEndsAt,
    held_at: heldAt,
    ended_at: endedAt,
    returned_at: returnedAt,
    lot_check_at: lotCheckAt,
    sequence,
  }
  const given = Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  )
  if (Object.keys(given).length === 0) return
  await tx.updateTable('deposits').set(given).where('id', '=', id).execute()
}

const WISHED = (
  wish: DepositWish | 'capture_if_held',
  reason: string,
  orderId: string | null,
  dueAt = sql<Date>`clock_timestamp()`,
) => {
  // What no card holds yet cannot be taken: its page is closed.
  const isTaken = sql`(${wish} = 'capture_if_held' and state = 'held')`
  return sql`
    wish = case when ${isTaken} then 'capture' else 'release' end,
    wish_reason = case when ${isTaken} then 'unpaid' else ${reason} end,
    order_id = ${orderId}::uuid, wished_at = clock_timestamp(), lot_check_at = null,
    wakes = wakes + 1, due_at = ${dueAt}`
}

const LOSERS_PAGE = 2_000
/** Before the first id. */
export const NIL = '00000000-0000-0000-0000-000000000000'

/**
 * The lot is over: what its bidders hold is let go of, but for the winner. They come due one after the other, `perSecond`: as long as that is
 * less than the provider takes, those of another lot that closes meanwhile need not wait for all of them. Returns how many deposits
 * these were. Doing it again changes nothing.
 */
export async function releaseLosers(
  tx: Transaction<Database>,
  {
    itemId,
    winnerId,
    reason,
    perSecond,
  }: {
    itemId: string
    winnerId: string | undefined
    reason: 'lost' | 'cancelled'
    perSecond: number
  },
): Promise<number> {
  let released = 0
  // No statement is about more of them than it can do in its time.
  for (let last = NIL; ; ) {
    const { rows } = await sql<{ id: string; bidderId: string }>`
      select id, bidder_id as "bidderId" from deposits
      where item_id = ${itemId} and state in ('requested', 'held') and id > ${last}::uuid
      order by id limit ${LOSERS_PAGE} for update`.execute(tx)
    // The winner's is decided by the order; bid has nothing more to say about it.
    await sql`
      update deposits set lot_check_at = null
      where id = any(${rows.map(({ id }) => id)}::uuid[])`.execute(tx)
    const losers = rows.filter(({ bidderId }) => bidderId !== winnerId).map(({ id }) => id)
    const dueAt = sql<Date>`
      clock_timestamp() + (${released} + place - 1) * interval '1 second' / ${perSecond}::float8`
    const { numAffectedRows } = await sql`
      update deposits set ${WISHED('release', reason, null, dueAt)}
      from unnest(${losers}::uuid[]) with ordinality as loser (loser_id, place)
      where id = loser_id and wish is null`.execute(tx)
    released += Number(numAffectedRows ?? 0n)
    const end = rows.at(-1)
    if (end === undefined || rows.length < LOSERS_PAGE) return released
    last = end.id
  }
}

/** What a buyer's order has decided about the deposit of its lot. The first decision counts. */
export async function decideByOrder(
  tx: Transaction<Database>,
  {
    itemId,
    buyerId,
    orderId,
    reason,
  }: {
    itemId: string
    buyerId: string
    orderId: string
    reason: 'paid' | 'order_cancelled' | 'unpaid'
  },
): Promise<number> {
  const wish = reason === 'unpaid' ? 'capture_if_held' : 'release'
  const { numAffectedRows } = await sql`
    update deposits set ${WISHED(wish, reason === 'unpaid' ? 'order_cancelled' : reason, orderId)}
    where id in (
      select id from deposits
      where item_id = ${itemId} and bidder_id = ${buyerId} and state in ('requested', 'held')
      order by id for update
    ) and wish is null`.execute(tx)
  return Number(numAffectedRows ?? 0n)
}

/**
 * The order is paid after all for which a deposit was to be taken, and the provider was not asked for it yet: it is let go of.
 * Returns how many deposits these were.
 */
export async function releaseUntaken(
  tx: Transaction<Database>,
  { itemId, buyerId, orderId }: { itemId: string; buyerId: string; orderId: string },
): Promise<number> {
  // A statement of its own, so that the next one sees what was planned under the lock before it.
  const { rows } = await sql<{ id: string }>`
    select id from deposits
    where item_id = ${itemId} and bidder_id = ${buyerId} and order_id = ${orderId} and wish = 'capture' and state = 'held'
    order by id for update`.execute(tx)
  if (rows.length === 0) return 0
  const { numAffectedRows } = await sql`
    update deposits set ${WISHED('release', 'paid', orderId)}
    where id = any(${rows.map(({ id }) => id)}::uuid[]) and return_wished_at is null and not exists (
      select from deposit_operations where deposit_id = deposits.id and kind = 'capture'
    )`.execute(tx)
  return Number(numAffectedRows ?? 0n)
}

/**
 * The order is paid after all for which a deposit was taken, or is being taken: it is given back. Returns how many deposits these
 * were; doing it again changes nothing.
 */
export async function returnTaken(
  tx: Transaction<Database>,
  { itemId, buyerId, orderId }: { itemId: string; buyerId: string; orderId: string },
): Promise<number> {
  const { numAffectedRows } = await sql`
    update deposits set return_wished_at = clock_timestamp(), wakes = wakes + 1, due_at = clock_timestamp()
    where id in (
      select id from deposits
      where item_id = ${itemId} and bidder_id = ${buyerId} and order_id = ${orderId} and wish = 'capture'
        and state in ('held', 'captured')
      order by id for update
    ) and return_wished_at is null`.execute(tx)
  return Number(numAffectedRows ?? 0n)
}

/**
 * Finds what is to be given back and what nothing looks at. While a new version is rolled out, a process of the old one may take such a deposit and
 * see nothing to do, or consume the payment of an order and not know that this concerns what was taken. Of those that are kept it
 * reads one page after `after`, so each call costs the same however many there are. Returns where the next page begins.
 */
export async function wakeReturns(
  db: Kysely<Database>,
  after: string,
  limit: number,
): Promise<string> {
  await sql`
    update deposits set wakes = wakes + 1, due_at = clock_timestamp()
    where id in (
      select id from deposits
      where state = 'captured' and return_wished_at is not null and due_at is null and code is distinct from ${RETURN_FAILED}
      order by return_wished_at limit ${limit} for update skip locked
    )`.execute(db)
  // A sale is there as soon as the whole price of an order was captured, and only of an order that was claimed for it.
  const { rows } = await sql<{ count: number; last: string | null }>`
    with page as (
      select id from deposits
      where state = 'captured' and return_wished_at is null and id > ${after}::uuid order by id limit ${limit}
    ), woken as (
      update deposits d set return_wished_at = clock_timestamp(), wakes = wakes + 1, due_at = clock_timestamp()
      where id in (select id from page) and state = 'captured' and return_wished_at is null and exists (
        select from sales s where s.order_id = d.order_id and s.item_id = d.item_id and s.buyer_id = d.bidder_id
      )
    )
    select count(*)::integer as count, (array_agg(id order by id desc))[1] as last from page`.execute(
    db,
  )
  const { count = 0, last = null } = rows[0] ?? {}
  return count < limit ? NIL : (last ?? NIL)
}

/** Another hold of the same bidder for the same lot has come in its place, or is to come. The caller has locked all of them. */
export async function releaseReplaced(
  tx: Transaction<Database>,
  { id, itemId, bidderId }: Pick<Deposit, 'id' | 'itemId' | 'bidderId'>,
): Promise<void> {
  await sql`
    update deposits set ${WISHED('release', 'replaced', null)}
    where item_id = ${itemId} and bidder_id = ${bidderId} and state = 'held' and wish is null and id <> ${id}`.execute(
    tx,
  )
}

/** A page for an amount that the lot does not want any more. */
export async function releaseOutdated(tx: Transaction<Database>, id: string): Promise<void> {
  await sql`
    update deposits set ${WISHED('release', 'replaced', null)}
    where id = ${id} and state = 'requested' and wish is null`.execute(tx)
}

const looks = looksOf('deposits')
export const { schedule: scheduleDepositLook, wake: wakeDeposit } = looks

/** Takes deposits that are let go of, or all others: thousands of the first keep none of the second waiting. */
export const takeDueDeposits = (
  db: Kysely<Database>,
  limit: number,
  leaseMs: number,
  areReleased: boolean,
) =>
  looks.takeDue(
    db,
    limit,
    leaseMs,
    areReleased ? sql<boolean>`wish = 'release'` : sql<boolean>`wish is distinct from 'release'`,
  )

/** Takes lots that bid is to be asked for; they come again after the lease, if the process dies or bid is down. */
export async function takeDueLots(
  db: Kysely<Database>,
  limit: number,
  leaseMs: number,
): Promise<string[]> {
  const { rows } = await sql<{ itemId: string }>`
    with due as (
      select id, item_id from deposits where lot_check_at <= statement_timestamp()
      order by lot_check_at limit ${limit} for update skip locked
    ), taken as (
      update deposits d set lot_check_at = clock_timestamp() + ${leaseMs} * interval '1 millisecond'
      from due where d.id = due.id returning d.item_id
    )
    select distinct item_id as "itemId" from taken`.execute(db)
  return rows.map(({ itemId }) => itemId)
}

/** The lot goes on until then: it is asked for again after its end, and once an hour. */
export async function postponeLotCheck(
  db: Kysely<Database>,
  itemId: string,
  { endsAt, afterEndMs, atMostMs }: { endsAt: Date; afterEndMs: number; atMostMs: number },
): Promise<void> {
  await sql`
    update deposits set lot_ends_at = ${endsAt}, lot_check_at = least(
      greatest(${endsAt}::timestamptz, clock_timestamp()) + ${afterEndMs} * interval '1 millisecond',
      clock_timestamp() + ${atMostMs} * interval '1 millisecond')
    where id in (
      select id from deposits
      where item_id = ${itemId} and state in ('requested', 'held') and lot_check_at is not null
      order by id for update
    )`.execute(db)
}

/** Locks deposits whose hold ends within a day and before their lot, and whose bidders were not notified of that. */
export async function takeExpiring(tx: Transaction<Database>, limit: number): Promise<Deposit[]> {
  const { rows } = await sql<{ id: string }>`
    update deposits set expiring_at = clock_timestamp(), sequence = sequence + 1
    where id in (
      select id from deposits
      where state = 'held' and wish is null and expiring_at is null and lot_check_at is not null
        and hold_ends_at < statement_timestamp() + interval '1 day' and lot_ends_at > hold_ends_at
      order by hold_ends_at limit ${limit} for update skip locked
    )
    returning id`.execute(tx)
  const deposits = await Promise.all(rows.map(({ id }) => readDeposit(tx, id)))
  return deposits.filter((one) => one !== undefined)
}
