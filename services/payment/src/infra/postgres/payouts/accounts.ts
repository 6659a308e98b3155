import { type Kysely, sql, type Transaction } from 'kysely'
import type { AccountState } from '#src/domain/payout.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface PayoutAccount {
  sellerId: string
  provider: string
  reference: string
  state: AccountState['state']
}

export interface StoredAccount extends PayoutAccount {
  code: string | null
  changedAt: Date
}

/** To where a seller is paid from now on; one that is enabled makes its seller due. */
export async function putPayoutAccount(
  tx: Transaction<Database>,
  { sellerId, provider, reference, state }: PayoutAccount,
): Promise<void> {
  await tx
    .insertInto('payout_accounts')
    .values({ seller_id: sellerId, provider, reference, state })
    .onConflict((conflict) =>
      conflict.column('seller_id').doUpdateSet({
        provider,
        reference,
        state,
        code: null,
        next_look_at: null,
        changed_at: sql`clock_timestamp()`,
      }),
    )
    .execute()
  if (state === 'enabled') await makeDue(tx, sellerId)
}

/** The seller's account is locked before the rows of what is payable to the seller, and these in the order of their currencies. */
async function makeDue(tx: Transaction<Database>, sellerId: string): Promise<void> {
  await sql`
    update payout_candidates set due_at = clock_timestamp()
    where seller_id = ${sellerId} and currency_code in (
      select currency_code from payout_candidates where seller_id = ${sellerId} order by currency_code for update
    )`.execute(tx)
}

/** Locks the account of a seller, if there is one: before what is payable to the seller, which is locked after it (makeDue). */
export async function lockAccount(tx: Transaction<Database>, sellerId: string): Promise<void> {
  await sql`select from payout_accounts where seller_id = ${sellerId} for update`.execute(tx)
}

/** An account that was opened just now, unless the seller has one; `lookInMs`: the provider is asked about it then. */
export async function addPayoutAccount(
  db: Kysely<Database>,
  { sellerId, provider, reference }: Omit<PayoutAccount, 'state'>,
  lookInMs: number,
): Promise<void> {
  await sql`
    insert into payout_accounts (seller_id, provider, reference, state, next_look_at)
    values (${sellerId}, ${provider}, ${reference}, 'onboarding', clock_timestamp() + ${lookInMs} * interval '1 ms')
    on conflict (seller_id) do nothing`.execute(db)
}

/** False: the seller has no account that a person pays to. */
export async function deleteManualAccount(
  tx: Transaction<Database>,
  sellerId: string,
  manual: string,
): Promise<boolean> {
  const { numDeletedRows } = await tx
    .deleteFrom('payout_accounts')
    .where('seller_id', '=', sellerId)
    .where('provider', '=', manual)
    .executeTakeFirst()
  return numDeletedRows > 0n
}

export async function readPayoutAccount(
  db: Kysely<Database>,
  sellerId: string,
): Promise<StoredAccount | undefined> {
  return db
    .selectFrom('payout_accounts')
    .select([
      'seller_id as sellerId',
      'provider',
      'reference',
      'state',
      'code',
      'changed_at as changedAt',
    ])
    .where('seller_id', '=', sellerId)
    .$narrowType<{ state: AccountState['state'] }>()
    .executeTakeFirst()
}

export interface DueAccount extends PayoutAccount {
  /** The look counts only while it is this: a later wish for a look is not swallowed. */
  lease: string
}

/** Takes the next account about which its provider is due to be asked; it comes again after `leaseMs`. */
export async function takeDueAccount(
  db: Kysely<Database>,
  providers: readonly string[],
  leaseMs: number,
): Promise<DueAccount | undefined> {
  const { rows } = await sql<DueAccount>`
    update payout_accounts set next_look_at = clock_timestamp() + ${leaseMs} * interval '1 ms'
    where seller_id = (
      select seller_id from payout_accounts
      where next_look_at <= statement_timestamp() and provider = any (${[...providers]}::text[])
      order by next_look_at limit 1 for update skip locked
    )
    returning seller_id as "sellerId", provider, reference, state, next_look_at::text as lease`.execute(
    db,
  )
  return rows[0]
}

/**
 * What a look showed; true: the state is another one than before. Another account, or a wish for another look that came
 * meanwhile, stays as it is.
 */
export async function recordAccountState(
  tx: Transaction<Database>,
  { sellerId, provider, reference, lease }: DueAccount,
  { state, code }: AccountState,
  nextMs: { settled: number; fresh: number; freshForMs: number },
): Promise<boolean> {
  const before = await tx
    .selectFrom('payout_accounts')
    .select('state')
    .where('seller_id', '=', sellerId)
    .where('provider', '=', provider)
    .where('reference', '=', reference)
    .forUpdate()
    .executeTakeFirst()
  if (before === undefined) return false
  await sql`
    update payout_accounts set
      state = ${state}, code = ${code ?? null},
      changed_at = case when (state, code) is distinct from (${state}::text, ${code ?? null}::text)
        then clock_timestamp() else changed_at end,
      next_look_at = case
        when next_look_at <> ${lease}::timestamptz then next_look_at
        when ${state} <> 'enabled' and changed_at > statement_timestamp() - ${nextMs.freshForMs} * interval '1 ms'
          then clock_timestamp() + ${nextMs.fresh} * interval '1 ms'
        else clock_timestamp() + ${nextMs.settled} * interval '1 ms' end
    where seller_id = ${sellerId}`.execute(tx)
  if (state === 'enabled') await makeDue(tx, sellerId)
  return before.state !== state
}

/**
 * The provider refused a payout because of the account, which the caller has locked (lockAccount). False: it was restricted, or is
 * another one.
 */
export async function restrictAccount(
  tx: Transaction<Database>,
  payout: { sellerId: string; provider: string; accountReference: string },
  code: string,
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('payout_accounts')
    .set({ state: 'restricted', code, changed_at: sql<Date>`clock_timestamp()` })
    .where('seller_id', '=', payout.sellerId)
    .where('provider', '=', payout.provider)
    .where('reference', '=', payout.accountReference)
    .where('state', '=', 'enabled')
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/**
 * Puts a new account in the place of one that the provider refuses for good. False: another one is there already.
 */
export async function replaceAccount(
  db: Kysely<Database>,
  { sellerId, provider, reference }: Omit<PayoutAccount, 'state'>,
  old: string,
  lookInMs: number,
): Promise<boolean> {
  const { rows } = await sql`
    update payout_accounts set reference = ${reference}, state = 'onboarding', code = null,
      changed_at = clock_timestamp(), next_look_at = clock_timestamp() + ${lookInMs} * interval '1 ms'
    where seller_id = ${sellerId} and provider = ${provider} and reference = ${old}
    returning seller_id`.execute(db)
  return rows.length > 0
}

/** The provider is asked about accounts, `afterMs` from now. False: none has one of these names. */
export async function wakeAccount(
  db: Kysely<Database>,
  provider: string,
  names: readonly string[],
  afterMs = 0,
): Promise<boolean> {
  const { rows } = await sql`
    update payout_accounts set next_look_at = clock_timestamp() + ${afterMs} * interval '1 ms'
    where provider = ${provider} and reference = any (${[...names]}::text[]) returning seller_id`.execute(
    db,
  )
  return rows.length > 0
}
