import { newId, UUID } from '@auction/common/ids.ts'
import { type Kysely, sql, type Transaction } from 'kysely'
import type { AccountState, TransferRequest } from '#src/domain/payout.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/**
 * Something became payable to a seller. A row that is there is locked, so that a payout which is planned just now is either
 * of this money too, or leaves a row for it.
 */
export async function putCandidate(
  tx: Transaction<Database>,
  sellerId: string,
  currencyCode: string,
): Promise<void> {
  await sql`
    insert into payout_candidates (seller_id, currency_code) values (${sellerId}, ${currencyCode})
    on conflict (seller_id, currency_code) do update set due_at = payout_candidates.due_at`.execute(
    tx,
  )
}

const TRACES_MAX = 20

/** The money of an order of this seller became payable in a recorded trace; the latest are kept. */
export async function addCandidateTrace(
  tx: Transaction<Database>,
  orderId: string,
  traceparent: string,
): Promise<void> {
  await sql`
    update payout_candidates c set traceparents = (
      ${traceparent}::text || c.traceparents
    )[1:${sql.lit(TRACES_MAX)}]
    from sales s
    where s.order_id = ${orderId} and c.seller_id = s.seller_id and c.currency_code = s.currency_code`.execute(
    tx,
  )
}

export interface Candidate {
  sellerId: string
  currencyCode: string
}

export interface DueCandidate extends Candidate {
  waitsFor: WaitReason | null
  traceparents: string[]
}

/** Locks one seller who is due to be looked at; undefined: no one is. */
export async function lockCandidate(tx: Transaction<Database>): Promise<DueCandidate | undefined> {
  const { rows } = await sql<DueCandidate>`
    select seller_id as "sellerId", currency_code as "currencyCode", waits_for as "waitsFor", traceparents
    from payout_candidates
    where due_at <= statement_timestamp() order by due_at limit 1 for update skip locked`.execute(
    tx,
  )
  return rows[0]
}

export async function deleteCandidate(
  tx: Transaction<Database>,
  { sellerId, currencyCode }: Candidate,
): Promise<void> {
  await tx
    .deleteFrom('payout_candidates')
    .where('seller_id', '=', sellerId)
    .where('currency_code', '=', currencyCode)
    .execute()
}

/** Why something that is payable is not paid out yet. */
export const WAIT_REASONS = ['minimum', 'account', 'payout', 'interval', 'provider'] as const
export type WaitReason = (typeof WAIT_REASONS)[number]

/** What was less than the minimum is payable only since it is enough. */
export async function postponeCandidate(
  tx: Transaction<Database>,
  { sellerId, currencyCode }: Candidate,
  delayMs: number,
  waitsFor: WaitReason,
): Promise<void> {
  await sql`
    update payout_candidates set due_at = clock_timestamp() + ${delayMs} * interval '1 ms',
      payable_since = case when waits_for = 'minimum' and ${waitsFor} <> 'minimum' then clock_timestamp()
        else payable_since end,
      waits_for = ${waitsFor}
    where seller_id = ${sellerId} and currency_code = ${currencyCode}`.execute(tx)
}

/** What one payout could not be of waits for the next one, from now on. */
export async function keepRest(
  tx: Transaction<Database>,
  { sellerId, currencyCode }: Candidate,
  delayMs: number,
): Promise<void> {
  await sql`
    update payout_candidates set due_at = clock_timestamp() + ${delayMs} * interval '1 ms',
      payable_since = clock_timestamp(), waits_for = 'interval', traceparents = '{}'
    where seller_id = ${sellerId} and currency_code = ${currencyCode}`.execute(tx)
}

export interface PayoutTarget {
  provider: string
  reference: string
  state: AccountState['state']
  /** Since when the account is as it is. */
  accountAgeMs: number
  /** How long ago the seller was last paid out in this currency; null: never. */
  lastAgeMs: number | null
  hasOpen: boolean
}

/** The account of a seller, who is paid out to it while it is enabled; undefined: there is none. */
export async function readTarget(
  tx: Transaction<Database>,
  { sellerId, currencyCode }: Candidate,
): Promise<PayoutTarget | undefined> {
  const { rows } = await sql<PayoutTarget>`
    select provider, reference, state,
      (extract(epoch from clock_timestamp() - changed_at) * 1000)::float8 as "accountAgeMs",
      (select (extract(epoch from clock_timestamp() - max(created_at)) * 1000)::float8 from payouts p
        where p.seller_id = a.seller_id and p.currency_code = ${currencyCode}) as "lastAgeMs",
      exists (select from payouts p
        where p.seller_id = a.seller_id and p.currency_code = ${currencyCode}
          and state in ('planned', 'sending', 'unknown')) as "hasOpen"
    from payout_accounts a where seller_id = ${sellerId}`.execute(tx)
  return rows[0]
}

/** Plans a payout. It keeps since when its money was payable, if the seller was a candidate. */
export async function insertPayout(
  tx: Transaction<Database>,
  payout: Omit<TransferRequest, 'id'>,
): Promise<TransferRequest> {
  const whole = { ...payout, id: newId() }
  await tx
    .insertInto('payouts')
    .values({
      id: whole.id,
      seller_id: whole.sellerId,
      currency_code: whole.currencyCode,
      amount: whole.amount,
      provider: whole.provider,
      account_reference: whole.accountReference,
      payable_since: sql<Date | null>`(
        select payable_since from payout_candidates
        where seller_id = ${whole.sellerId} and currency_code = ${whole.currencyCode}
      )`,
      traceparents: [...(whole.traceparents ?? [])],
    })
    .execute()
  return whole
}

export interface OpenPayout extends TransferRequest {
  state: 'planned' | 'sending' | 'unknown'
  tries: number
}

const OPEN = sql`
  id, seller_id as "sellerId", currency_code as "currencyCode", amount, provider,
  account_reference as "accountReference", state, tries, traceparents`

/**
 * Takes the next payout that is due and commits that it is being sent, for `holdMs`; `state` is what it was before. One that
 * was being sent when its process died comes again after that time.
 */
export async function takeDuePayout(
  db: Kysely<Database>,
  providers: readonly string[],
  holdMs: number,
): Promise<OpenPayout | undefined> {
  const { rows } = await sql<OpenPayout>`
    with due as (
      select id, state as before from payouts
      where state in ('planned', 'sending', 'unknown') and due_at <= statement_timestamp()
        and provider = any (${[...providers]}::text[])
      order by due_at limit 1 for update skip locked
    )
    update payouts set state = case before when 'planned' then 'sending' else 'unknown' end,
      tries = tries + 1, due_at = clock_timestamp() + ${holdMs} * interval '1 ms', changed_at = clock_timestamp()
    from due where payouts.id = due.id
    returning payouts.id, seller_id as "sellerId", currency_code as "currencyCode", amount, provider,
      account_reference as "accountReference", before as state, tries`.execute(db)
  return rows[0]
}

/** Whose payout it is; undefined: there is none. */
export async function readSellerOf(
  tx: Transaction<Database>,
  payoutId: string,
): Promise<Candidate | undefined> {
  return tx
    .selectFrom('payouts')
    .select(['seller_id as sellerId', 'currency_code as currencyCode'])
    .where('id', '=', payoutId)
    .executeTakeFirst()
}

/** Locks a payout that is not decided; undefined: it is decided, or there is none. */
export async function lockOpenPayout(
  tx: Transaction<Database>,
  id: string,
): Promise<OpenPayout | undefined> {
  const { rows } = await sql<OpenPayout>`
    select ${OPEN} from payouts where id = ${id} and state in ('planned', 'sending', 'unknown') for update`.execute(
    tx,
  )
  return rows[0]
}

export async function decidePayout(
  tx: Transaction<Database>,
  id: string,
  outcome: { state: 'done' | 'failed'; reference?: string | undefined; code?: string | undefined },
): Promise<void> {
  await sql`
    update payouts set state = ${outcome.state}, code = ${outcome.code ?? null},
      reference = coalesce(${outcome.reference ?? null}, reference), changed_at = clock_timestamp(),
      next_check_at = case when ${outcome.state} = 'done' and provider <> 'manual'
        then clock_timestamp() + interval '1 day' end
    where id = ${id}`.execute(tx)
}

/**
 * The money of a payout that failed was payable all the time, and was enough. The caller holds the lock of the seller's row.
 */
export async function restorePayableSince(tx: Transaction<Database>, id: string): Promise<void> {
  await sql`
    update payout_candidates c set payable_since = least(c.payable_since, p.payable_since),
      waits_for = nullif(c.waits_for, 'minimum')
    from payouts p
    where p.id = ${id} and c.seller_id = p.seller_id and c.currency_code = p.currency_code`.execute(
    tx,
  )
}

/** It is not known yet, and looked at again after a pause. */
export async function postponePayout(
  db: Kysely<Database>,
  id: string,
  delayMs: number,
  reference?: string,
): Promise<void> {
  await sql`
    update payouts set state = 'unknown', due_at = clock_timestamp() + ${delayMs} * interval '1 ms',
      reference = coalesce(${reference ?? null}, reference), changed_at = clock_timestamp()
    where id = ${id} and state in ('planned', 'sending', 'unknown')`.execute(db)
}

export interface ListedPayout {
  id: string
  currencyCode: string
  amount: bigint
  reversedAmount: bigint
  state: string
  code: string | null
  createdAt: Date
  changedAt: Date
}

/** A seller's payouts, the latest first. */
export async function readPayouts(
  db: Kysely<Database>,
  sellerId: string,
  after: string | undefined,
  limit: number,
): Promise<ListedPayout[]> {
  return db
    .selectFrom('payouts')
    .select([
      'id',
      'currency_code as currencyCode',
      'amount',
      'reversed_amount as reversedAmount',
      'state',
      'code',
      'created_at as createdAt',
      'changed_at as changedAt',
    ])
    .where('seller_id', '=', sellerId)
    .$if(after !== undefined, (query) =>
      // Ids are in the order of their making.
      query.where('id', '<', after ?? ''),
    )
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
}

export interface PaidPayout extends TransferRequest {
  state: 'done' | 'returned'
  reference: string
  reversedAmount: bigint
}

const PAID = sql`
  id, seller_id as "sellerId", currency_code as "currencyCode", amount, provider,
  account_reference as "accountReference", state, reference, reversed_amount as "reversedAmount"`

/** Locks a payout that was paid; undefined: it was not, or there is none. */
export async function lockPaidPayout(
  tx: Transaction<Database>,
  id: string,
): Promise<PaidPayout | undefined> {
  const { rows } = await sql<PaidPayout>`
    select ${PAID} from payouts where id = ${id} and state in ('done', 'returned') for update`.execute(
    tx,
  )
  return rows[0]
}

/** A payout that was paid is to be looked at again, `afterMs` from now; within `days` of its making only. */
export async function scheduleCheck(
  db: Kysely<Database>,
  id: string,
  afterMs: number,
  days: number,
): Promise<void> {
  await sql`
    update payouts set next_check_at = case
      when created_at > statement_timestamp() - ${days} * interval '1 day'
      then clock_timestamp() + ${afterMs} * interval '1 ms' end
    where id = ${id} and state = 'done'`.execute(db)
}

/** Takes the next paid payout that is due to be looked at; it comes again after `leaseMs`. */
export async function takeDueCheck(
  db: Kysely<Database>,
  providers: readonly string[],
  leaseMs: number,
): Promise<PaidPayout | undefined> {
  const { rows } = await sql<PaidPayout>`
    update payouts set next_check_at = clock_timestamp() + ${leaseMs} * interval '1 ms'
    where id = (
      select id from payouts
      where next_check_at <= statement_timestamp() and state = 'done' and provider = any (${[...providers]}::text[])
      order by next_check_at limit 1 for update skip locked
    )
    returning ${PAID}`.execute(db)
  return rows[0]
}

/** The provider reported something of a payout: it is looked at next. False: no payout has one of these names. */
export async function wakePayout(
  db: Kysely<Database>,
  provider: string,
  names: readonly string[],
): Promise<boolean> {
  const ids = names.filter((name) => UUID.test(name))
  const { rows } = await sql`
    update payouts set
      due_at = case when state = 'unknown' then clock_timestamp() else due_at end,
      next_check_at = case when state = 'done' then clock_timestamp() else next_check_at end
    where provider = ${provider} and (id = any (${ids}::uuid[]) or reference = any (${[...names]}::text[]))
    returning id`.execute(db)
  return rows.length > 0
}

export interface ComparedPayout extends TransferRequest {
  state: 'planned' | 'sending' | 'unknown' | 'done' | 'failed' | 'returned'
  reference: string | null
  reversedAmount: bigint
}

/** A payout as it is compared with the provider's books; undefined: there is none. */
export async function readComparedPayout(
  db: Kysely<Database>,
  id: string | undefined,
): Promise<ComparedPayout | undefined> {
  // What another program gave as an id may be anything.
  if (id === undefined || !UUID.test(id)) return undefined
  const { rows } = await sql<ComparedPayout>`
    select ${PAID} from payouts where id = ${id}`.execute(db)
  return rows[0]
}

const PAGE = 200

/** Payouts that were paid, or came back, in a time; in pages. */
export async function readPaidBetween(
  db: Kysely<Database>,
  provider: string,
  from: Date,
  to: Date,
  after: { changedAt: string; id: string } | undefined,
): Promise<{ id: string; changedAt: string }[]> {
  const beyond =
    after === undefined
      ? sql`true`
      : sql`(changed_at, id) > (${after.changedAt}::timestamptz, ${after.id}::uuid)`
  const { rows } = await sql<{ id: string; changedAt: string }>`
    select id, changed_at::text as "changedAt" from payouts
    where provider = ${provider} and state in ('done', 'returned') and changed_at >= ${from} and changed_at < ${to}
      and ${beyond}
    order by changed_at, id limit ${PAGE}`.execute(db)
  return rows
}

export interface PayoutBacklog {
  /** Money that is payable and could be paid out by its schedule. */
  dueCandidates: number
  open: number
  unknown: number
  oldestOpenSeconds: number
  unknownReversals: number
  /** Sellers to whom something is payable, and whom no one can pay. */
  withoutAccount: number
}

/** For how long the oldest money that is payable is not paid out, by what it waits for; `nothing`: by no reason that is known. */
export async function readPayableAges(
  db: Kysely<Database>,
): Promise<{ waitsFor: WaitReason | 'nothing'; seconds: number }[]> {
  const { rows } = await sql<{ waitsFor: WaitReason | 'nothing'; seconds: number }>`
    select coalesce(waits_for, 'nothing') as "waitsFor",
      extract(epoch from clock_timestamp() - min(payable_since))::float8 as seconds
    from payout_candidates group by 1`.execute(db)
  return rows
}

export async function readPayoutBacklog(db: Kysely<Database>): Promise<PayoutBacklog> {
  const { rows } = await sql<PayoutBacklog>`
    select
      (select count(*)::int from payout_candidates where due_at <= statement_timestamp()) as "dueCandidates",
      count(*)::int as open, (count(*) filter (where state = 'unknown'))::int as unknown,
      coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0)::float8 as "oldestOpenSeconds",
      (select count(*)::int from payout_reversals where state in ('sending', 'unknown')) as "unknownReversals",
      (select count(distinct c.seller_id)::int from payout_candidates c where not exists (
        select from payout_accounts a where a.seller_id = c.seller_id and a.state = 'enabled'
      )) as "withoutAccount"
    from payouts where state in ('planned', 'sending', 'unknown')`.execute(db)
  const [backlog] = rows
  if (backlog === undefined) throw new Error('no backlog')
  return backlog
}
