import Stripe from 'stripe'
import { type Money, ProviderError, TOO_MANY } from '#src/domain/provider.ts'
import { fromStripe } from './currencies.ts'

/** The version that the schemas of the contract tests were cut from. */
export const STRIPE_API_VERSION = '2026-08-26.dahlia'

export interface StripeOptions {
  secretKey: string
  webhookSecret: string
  /** Of reports about accounts of sellers; absent: they have the same. */
  connectWebhookSecret?: string
  /** Absent: Stripe itself. */
  apiUrl?: string
  timeoutMs?: number
}

type ClientOptions = NonNullable<ConstructorParameters<typeof Stripe>[1]>

const TIMEOUT_MS = 10_000
// Each has the key of the first, so however many arrive, one has an effect.
const RETRIES_MAX = 2
/** The account of a seller is none of ours, or not any more. */
export const ACCOUNT_INVALID = 'account_invalid'
/** Of lists. */
export const PAGE = 100

export function createClient({ secretKey, apiUrl, timeoutMs = TIMEOUT_MS }: StripeOptions): Stripe {
  const url = apiUrl === undefined ? undefined : new URL(apiUrl)
  const options: ClientOptions = {
    // The types of the package know its newest version only.
    apiVersion: STRIPE_API_VERSION as ClientOptions['apiVersion'] & string,
    maxNetworkRetries: RETRIES_MAX,
    timeout: timeoutMs,
    telemetry: false,
    ...(url === undefined
      ? {}
      : {
          host: url.hostname,
          port: Number(url.port || (url.protocol === 'https:' ? 443 : 80)),
          protocol: url.protocol === 'https:' ? 'https' : 'http',
        }),
  }
  return new Stripe(secretKey, options)
}

/** Separates what was refused from what may have been done. */
export async function asked<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Stripe.errors.StripeError)) throw error
    const { statusCode = 0, code, message, type } = error
    // A seller who revoked our access is refused by 403, and the request was not done.
    // 409: a request with the same key is under way. 429: too many. 401 and 403: our key, not the payment.
    // A key that was used with other parameters: the first request may have been done, by a version before this one.
    const isReused = type === 'StripeIdempotencyError'
    const isRefused =
      code === ACCOUNT_INVALID ||
      (!isReused &&
        statusCode >= 400 &&
        statusCode < 500 &&
        ![401, 403, 409, 429].includes(statusCode))
    const word = statusCode === 429 ? TOO_MANY : (code ?? type)
    throw new ProviderError(isRefused ? 'refused' : 'unclear', word, message)
  }
}

export const inSeconds = (at: Date) => Math.floor(at.getTime() / 1_000)
export const fromSeconds = (at: number) => new Date(at * 1_000)

/** A wrong amount must not go on unseen, whichever side made it. */
export function requireSame(money: Money, amount: number | null, currency: string | null): void {
  const answered = fromStripe(amount ?? -1, currency ?? '')
  if (answered.amount === money.amount && answered.currencyCode === money.currencyCode) return
  throw new ProviderError(
    'mismatch',
    'amount',
    `asked for ${money.amount} ${money.currencyCode}, answered ${amount} ${currency}`,
  )
}
