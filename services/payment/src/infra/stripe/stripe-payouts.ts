import type Stripe from 'stripe'
import type {
  AccountState,
  PayoutProvider,
  ProviderReversal,
  ProviderTransfer,
  ReversalRequest,
  TransferRequest,
  TransferState,
} from '#src/domain/payout.ts'
import { ProviderError } from '#src/domain/provider.ts'
import { fromStripe, mostOf, readStripe, toStripe } from './currencies.ts'
import {
  ACCOUNT_INVALID,
  asked,
  createClient,
  fromSeconds,
  inSeconds,
  PAGE,
  requireSame,
  type StripeOptions,
} from './stripe-client.ts'

const REVERSALS_MAX = 1_000
/** Refusals of a transfer that every other transfer to the same account gets too. */
const OF_ACCOUNT = [ACCOUNT_INVALID, 'insufficient_capabilities_for_transfer']

/**
 * Payouts by Stripe Connect: each seller has an account there. Money that was taken on the account of the platform is
 * transferred to it; Stripe sends it to the bank of the seller by itself.
 */
export function createStripePayouts(options: StripeOptions): PayoutProvider {
  const client = createClient(options)
  return {
    name: 'stripe',
    payable: mostOf,
    transfer: (request, key) => transfer(client, request, key),
    lookTransfer: (request) => asked(() => lookTransfer(client, request)),
    reverse: (request, key) => reverse(client, request, key),
    openAccount: (seller, key) => openAccount(client, seller, key),
    onboardingPage: (reference, urls) => onboardingPage(client, reference, urls),
    lookAccount: (reference) => lookAccount(client, reference),
    isAccountGone: (error) =>
      error instanceof ProviderError &&
      error.problem === 'refused' &&
      error.code === ACCOUNT_INVALID,
    transfers: (from, to) => transfers(client, from, to),
  }
}

const groupOf = (payoutId: string) => `payout_${payoutId}`

async function transfer(
  client: Stripe,
  { id, sellerId, amount, currencyCode, accountReference }: TransferRequest,
  key: string,
): Promise<TransferState> {
  const money = { amount, currencyCode }
  try {
    const made = await asked(async () =>
      client.transfers.create(
        {
          ...toStripe(money),
          destination: accountReference,
          // Keys are forgotten after a day; by this it is found again.
          transfer_group: groupOf(id),
          metadata: { payoutId: id, sellerId },
        },
        { idempotencyKey: key },
      ),
    )
    requireSame(money, made.amount, made.currency)
    return { kind: 'done', reference: made.id, reversals: [] }
  } catch (error) {
    if (!(error instanceof ProviderError) || error.problem !== 'refused') throw error
    return { kind: 'failed', code: error.code, isOfAccount: OF_ACCOUNT.includes(error.code) }
  }
}

async function lookTransfer(
  client: Stripe,
  { id, amount, currencyCode }: TransferRequest,
): Promise<TransferState> {
  const { data } = await client.transfers.list({ transfer_group: groupOf(id), limit: PAGE })
  const [found, another] = data
  if (found === undefined) return { kind: 'absent' }
  // Never by us: the key of a payout does not change.
  if (another !== undefined) {
    throw new ProviderError('mismatch', 'twice', `${data.length} transfers of payout ${id}`)
  }
  requireSame({ amount, currencyCode }, found.amount, found.currency)
  return {
    kind: 'done',
    reference: found.id,
    reversals: found.amount_reversed === 0 ? [] : await reversalsOf(client, found.id),
  }
}

async function reversalsOf(client: Stripe, transferId: string): Promise<ProviderReversal[]> {
  const reversals = await client.transfers
    .listReversals(transferId, { limit: PAGE })
    .autoPagingToArray({ limit: REVERSALS_MAX })
  return reversals.map(({ id, amount, currency, metadata }) => ({
    reversalId: metadata?.reversalId,
    reference: id,
    amount: fromStripe(amount, currency).amount,
  }))
}

async function reverse(
  client: Stripe,
  { transferReference, reversalId, amount, currencyCode }: ReversalRequest,
  key: string,
): Promise<{ reference: string }> {
  const money = { amount, currencyCode }
  const reversal = await asked(async () =>
    client.transfers.createReversal(
      transferReference,
      { amount: toStripe(money).amount, metadata: { reversalId } },
      { idempotencyKey: key },
    ),
  )
  requireSame(money, reversal.amount, reversal.currency)
  return { reference: reversal.id }
}

async function openAccount(
  client: Stripe,
  { sellerId, country }: { sellerId: string; country: string | undefined },
  key: string,
): Promise<{ reference: string }> {
  const account = await asked(() =>
    client.accounts.create(
      {
        type: 'express',
        ...(country === undefined ? {} : { country }),
        capabilities: { transfers: { requested: true } },
        metadata: { sellerId },
      },
      { idempotencyKey: key },
    ),
  )
  return { reference: account.id }
}

async function onboardingPage(
  client: Stripe,
  reference: string,
  { returnUrl, refreshUrl }: { returnUrl: string; refreshUrl: string },
): Promise<{ url: string; expiresAt: Date }> {
  const { url, expires_at: expiresAt } = await asked(() =>
    client.accountLinks.create({
      account: reference,
      type: 'account_onboarding',
      return_url: returnUrl,
      refresh_url: refreshUrl,
    }),
  )
  return { url, expiresAt: fromSeconds(expiresAt) }
}

async function lookAccount(client: Stripe, reference: string): Promise<AccountState> {
  const account = await asked(() => client.accounts.retrieve(reference))
  const {
    capabilities,
    payouts_enabled: isPaid,
    details_submitted: isGiven,
    requirements,
  } = account
  // Without the second, money would stay with Stripe and not reach the bank of the seller.
  if (capabilities?.transfers === 'active' && isPaid) return { state: 'enabled', code: undefined }
  const code = requirements?.disabled_reason ?? requirements?.currently_due?.[0] ?? undefined
  return { state: isGiven ? 'restricted' : 'onboarding', code }
}

async function* transfers(client: Stripe, from: Date, to: Date): AsyncIterable<ProviderTransfer> {
  const created = { gte: inSeconds(from), lt: inSeconds(to) }
  for await (const one of client.transfers.list({ created, limit: PAGE })) {
    const { destination } = one
    yield {
      reference: one.id,
      payoutId: one.metadata.payoutId,
      currencyCode: one.currency.toUpperCase(),
      amount: readStripe(one.amount, one.currency),
      reversed: readStripe(one.amount_reversed, one.currency),
      accountReference: (typeof destination === 'string' ? destination : destination?.id) ?? '',
    }
  }
}
