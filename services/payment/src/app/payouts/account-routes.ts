import { answers, Instant, OneOf, STRICT } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import type { Kysely } from 'kysely'
import { Type } from 'typebox'
import { requireFreshProof } from '#src/app/fresh-proof.ts'
import { ownUrl } from '#src/app/own-url.ts'
import { MANUAL, type PayoutProvider } from '#src/domain/payout.ts'
import { ProviderError } from '#src/domain/provider.ts'
import { payoutErrors } from '#src/errors.ts'
import {
  addPayoutAccount,
  readPayoutAccount,
  replaceAccount,
  type StoredAccount,
  wakeAccount,
} from '#src/infra/postgres/payouts/accounts.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

const ACCOUNT = '/api/v1/billing/payout-account'
const tags = ['payouts']
// As long as a seller needs at least for the page.
const FIRST_LOOK_MS = 60_000

const AccountAnswer = Type.Object(
  {
    provider: Type.String(),
    state: OneOf(['onboarding', 'enabled', 'restricted']),
    code: Type.Optional(Type.String({ description: 'What the provider misses.' })),
    changedAt: Instant,
  },
  { title: 'PayoutAccount' },
)

const PageAnswer = Type.Object(
  { url: Type.String(), expiresAt: Instant },
  { title: 'PayoutAccountPage' },
)

const PageBody = Type.Object(
  {
    country: Type.Optional(
      Type.String({
        pattern: '^[A-Z]{2}$',
        description: 'Of the seller; it counts when the account is opened.',
      }),
    ),
    returnUrl: Type.Optional(
      Type.String({ maxLength: 500, description: 'Where the browser goes afterwards.' }),
    ),
  },
  { ...STRICT, title: 'PayoutAccountPageRequest' },
)

export interface AccountRoutesOptions {
  db: Kysely<Database>
  /** With whom sellers open accounts: the first. */
  payoutProviders: readonly PayoutProvider[]
  publicUrl: string
}

/** Where the caller is paid as a seller. */
export async function payoutAccountRoutes(app: App, options: AccountRoutesOptions): Promise<void> {
  const { db, publicUrl } = options
  app.get(
    ACCOUNT,
    {
      config: { auth: 'bearer', access: 'own' },
      schema: {
        tags,
        operationId: 'readPayoutAccount',
        summary: 'Where you are paid, and whether you can be',
        response: answers({ 200: AccountAnswer }, [404]),
      },
    },
    async ({ user }, reply) => {
      const account = await readPayoutAccount(db, user.id)
      if (account === undefined) throw payoutErrors.noAccount()
      const { provider, state, code, changedAt } = account
      reply.header('cache-control', 'no-store')
      return {
        provider,
        state,
        ...(code === null ? {} : { code }),
        changedAt: changedAt.toISOString(),
      }
    },
  )
  app.post(
    `${ACCOUNT}/page`,
    {
      config: { auth: 'bearer', access: 'own' },
      schema: {
        tags,
        operationId: 'openPayoutAccountPage',
        summary: 'A page of the provider on which you give bank details, or change them',
        description:
          'Opens the account when there is none yet. With a fresh proof of identity: who changes the account gets the money.',
        body: PageBody,
        response: answers({ 201: PageAnswer }, [403, 409, 422]),
      },
    },
    async ({ user, body: { country, returnUrl } }, reply) => {
      requireFreshProof(user)
      const back = ownUrl(publicUrl, returnUrl ?? '/account')
      const { provider, reference, page } = await openPage(options, user.id, country, back)
      // What is changed there is seen soon, also when no report of it comes.
      await wakeAccount(db, provider.name, [reference], FIRST_LOOK_MS)
      reply.code(201).header('cache-control', 'no-store')
      return { url: page.url, expiresAt: page.expiresAt.toISOString() }
    },
  )
}

/**
 * A page of the seller's account. One that the provider refuses, because the seller revoked it there, has no page any more:
 * another account is opened in its place.
 */
async function openPage(
  options: AccountRoutesOptions,
  sellerId: string,
  country: string | undefined,
  back: string,
) {
  const urls = { returnUrl: back, refreshUrl: back }
  const { provider, reference } = await openAccount(options, sellerId, country)
  try {
    return { provider, reference, page: await provider.onboardingPage(reference, urls) }
  } catch (error) {
    if (!provider.isAccountGone(error)) throw answerTo(error)
  }
  // Of the old account too: two requests, or one after a crash, open one in its place.
  const opened = await answered(
    provider.openAccount(
      { sellerId, country },
      `payout_account:${sellerId}:${country ?? ''}:${reference}`,
    ),
  )
  const account = { sellerId, provider: provider.name, reference: opened.reference }
  await replaceAccount(options.db, account, reference, FIRST_LOOK_MS)
  const now = await openAccount(options, sellerId, country)
  const page = await answered(now.provider.onboardingPage(now.reference, urls))
  return { ...now, page }
}

/** The account of a seller at a provider, opened when there is none. */
async function openAccount(
  { db, payoutProviders }: AccountRoutesOptions,
  sellerId: string,
  country: string | undefined,
): Promise<{ provider: PayoutProvider; reference: string }> {
  const known = await readPayoutAccount(db, sellerId)
  if (known !== undefined) return ofProvider(payoutProviders, known)
  const [provider] = payoutProviders
  if (provider === undefined) throw payoutErrors.noProvider()
  // Two requests, or one after a crash, open one account: the key is that of the seller.
  const { reference } = await answered(
    provider.openAccount({ sellerId, country }, `payout_account:${sellerId}:${country ?? ''}`),
  )
  await addPayoutAccount(db, { sellerId, provider: provider.name, reference }, FIRST_LOOK_MS)
  const account = await readPayoutAccount(db, sellerId)
  if (account === undefined) throw payoutErrors.noAccount()
  return ofProvider(payoutProviders, account)
}

function ofProvider(payoutProviders: readonly PayoutProvider[], account: StoredAccount) {
  if (account.provider === MANUAL) throw payoutErrors.byHand()
  const provider = payoutProviders.find(({ name }) => name === account.provider)
  if (provider === undefined) throw payoutErrors.noProvider()
  return { provider, reference: account.reference }
}

async function answered<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw answerTo(error)
  }
}

function answerTo(error: unknown): unknown {
  if (!(error instanceof ProviderError)) return error
  return error.problem === 'refused'
    ? payoutErrors.accountRefused({ code: error.code })
    : payoutErrors.providerUnclear()
}
