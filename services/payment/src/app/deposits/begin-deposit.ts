import { createHash } from 'node:crypto'
import type { LotDeposit } from '@auction/common/contracts/terms.ts'
import { sqlState } from '@auction/common/http/errors.ts'
import { newId } from '@auction/common/ids.ts'
import { parseAmount } from '@auction/common/money.ts'
import { readClock } from '@auction/common/postgres/clock.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import { type Money, type PaymentProvider, ProviderError } from '#src/domain/provider.ts'
import { depositErrors, paymentErrors } from '#src/errors.ts'
import {
  type Deposit,
  findDepositByKey,
  findLiveDeposits,
  insertDeposit,
  lockDeposit,
  readDeposit,
  releaseOutdated,
} from '#src/infra/postgres/deposits/deposits.ts'
import { type DepositDependencies, sendDepositBegin } from './advance-deposit.ts'
import type { LotClient } from './lot-client.ts'

export interface DepositCommand {
  bidderId: string
  itemId: string
  provider: string | undefined
  returnUrl: string
  idempotencyKey: string
  trace: Trace
}

export interface BeginDepositDependencies extends DepositDependencies {
  lots: LotClient
  /** The bidder has so long on the page. */
  sessionMinutes: number
  /** What a seller gets of a deposit that is taken; it is fixed for each deposit when the bidder asks for it. */
  sellerPercent: number
}

// A request that dies with its process is taken over by the worker then.
const TAKEOVER_MS = 30_000
const MINUTE_MS = 60_000
// The lot may have closed between bid's answer and our row.
const FIRST_CHECK_MS = 5_000
/** So long before the end of a hold its bidder may have the deposit held again. */
export const RENEWABLE_MS = 48 * 60 * MINUTE_MS

/**
 * Begins to hold a deposit, once for each key. The rows are committed before the provider is asked. A bidder who asks again goes on with the page
 * that is open, or with the hold that covers the lot.
 */
export async function beginDeposit(
  dependencies: BeginDepositDependencies,
  command: DepositCommand,
): Promise<Deposit> {
  const { lots, metrics, log } = dependencies
  const requestHash = hashOf(command)
  const known = await knownDeposit(dependencies, command, requestHash)
  if (known !== undefined) return known
  const provider = providerOf(dependencies, command.provider)
  const lot = await lots.read(command.itemId)
  if (lot === undefined) throw depositErrors.notFound()
  const money = wantedOf(lot, command.bidderId)
  const problem = provider.problemOf(money)
  if (problem !== undefined) throw paymentErrors.notSupported({ problem, provider: provider.name })
  const shared = await sharedDeposit(dependencies, command, money)
  if (shared !== undefined) return shared
  const id = newId()
  try {
    await insert(dependencies, { id, command, requestHash, lot, money, provider })
  } catch (error) {
    if (sqlState(error) !== '23505') throw error
    // The same request a second time, or that of another tab, was quicker.
    const same = await knownDeposit(dependencies, command, requestHash)
    const other = same ?? (await sharedDeposit(dependencies, command, money))
    if (other === undefined) throw error
    return other
  }
  metrics.depositBegun()
  const deposit = await required(dependencies, id)
  const [operation] = deposit.operations
  if (operation !== undefined) {
    await sendDepositBegin(dependencies, provider, deposit, operation).catch((error) => {
      // It may have begun: the worker asks again, with the same key.
      if (!(error instanceof ProviderError)) throw error
      log.warn({ err: error, depositId: id }, 'provider did not answer clearly')
    })
  }
  return required(dependencies, id)
}

function hashOf({ itemId, provider, returnUrl }: DepositCommand): Buffer {
  const text = JSON.stringify([itemId, provider ?? null, returnUrl])
  return createHash('sha256').update(text).digest()
}

async function knownDeposit(
  { db }: BeginDepositDependencies,
  { bidderId, idempotencyKey }: DepositCommand,
  requestHash: Buffer,
): Promise<Deposit | undefined> {
  const id = await findDepositByKey(db, bidderId, idempotencyKey)
  const deposit = id === undefined ? undefined : await readDeposit(db, id)
  if (deposit === undefined) return undefined
  if (!deposit.requestHash.equals(requestHash)) throw paymentErrors.idempotencyKeyReused()
  return deposit
}

function providerOf(
  { providers }: BeginDepositDependencies,
  name: string | undefined,
): PaymentProvider {
  const [first] = providers.values()
  if (first === undefined) throw paymentErrors.noProvider()
  const provider = name === undefined ? first : providers.get(name)
  if (provider === undefined) throw paymentErrors.unknownProvider({ known: [...providers.keys()] })
  return provider
}

/** What this bidder is to hold. Throws when nothing is to be held. */
function wantedOf({ deposit, currencyCode, sellerId, phase }: LotDeposit, bidderId: string): Money {
  if (deposit === undefined) throw depositErrors.notRequired()
  if (sellerId === bidderId) throw depositErrors.ownItem()
  if (phase === 'closing' || phase === 'closed' || phase === 'cancelled')
    throw depositErrors.lotOver()
  const amount = parseAmount(deposit, currencyCode)
  if (!amount.ok) throw new Error(`the bid service answered the deposit ${deposit} ${currencyCode}`)
  return { amount: amount.minor, currencyCode }
}

/** What the bidder has for the lot already, when that is enough for it. */
async function sharedDeposit(
  { db }: BeginDepositDependencies,
  { itemId, bidderId }: DepositCommand,
  { amount }: Money,
): Promise<Deposit | undefined> {
  const nowMs = (await readClock(db)).getTime()
  const live = await findLiveDeposits(db, itemId, bidderId)
  const page = live.find(({ state }) => state === 'requested')
  if (page !== undefined) {
    if (page.wish === null && page.amount === amount) return page
    // The terms have changed since: that page is closed, and then there may be another one.
    await db.transaction().execute(async (tx) => {
      await lockDeposit(tx, page.id)
      await releaseOutdated(tx, page.id)
    })
    throw depositErrors.inProgress({ depositId: page.id })
  }
  return live.find(
    (one) =>
      one.wish === null &&
      one.amount >= amount &&
      (one.holdEndsAt === null || one.holdEndsAt.getTime() > nowMs + RENEWABLE_MS),
  )
}

async function insert(
  { db, sessionMinutes, sellerPercent }: BeginDepositDependencies,
  {
    id,
    command,
    requestHash,
    lot,
    money,
    provider,
  }: {
    id: string
    command: DepositCommand
    requestHash: Buffer
    lot: LotDeposit
    money: Money
    provider: PaymentProvider
  },
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const nowMs = (await readClock(tx)).getTime()
    await insertDeposit(
      tx,
      {
        id,
        itemId: command.itemId,
        bidderId: command.bidderId,
        sellerId: lot.sellerId,
        currencyCode: money.currencyCode,
        amount: money.amount,
        sellerPercent,
        provider: provider.name,
        returnUrl: command.returnUrl,
        expiresAt: new Date(nowMs + sessionMinutes * MINUTE_MS),
        lotEndsAt: new Date(lot.endDate),
        dueAt: new Date(nowMs + TAKEOVER_MS),
        lotCheckAt: new Date(nowMs + FIRST_CHECK_MS),
        idempotencyKey: command.idempotencyKey,
        requestHash,
        traceparent: command.trace.traceparent,
        correlationId: command.trace.correlationId,
      },
      { id: newId(), key: `deposit:${id}:begin` },
    )
  })
}

async function required({ db }: BeginDepositDependencies, id: string): Promise<Deposit> {
  const deposit = await readDeposit(db, id)
  if (deposit === undefined) throw new Error(`there is no deposit ${id}`)
  return deposit
}
