import { randomUUID } from 'node:crypto'
import { type Sandbox, startSandbox } from '@auction/local/sandbox/server.ts'
import type { PayoutProvider } from '#src/domain/payout.ts'
import type { BeginRequest, PaymentProvider } from '#src/domain/provider.ts'
import { createStripePayouts } from '#src/infra/stripe/stripe-payouts.ts'
import { createStripeProvider } from '#src/infra/stripe/stripe-provider.ts'

export interface Teardown {
  teardown(work: () => unknown): void
}

export const SECRET_KEY = 'sk_test_sandbox'
export const WEBHOOK_SECRET = 'whsec_sandbox'
/** Who is called answers in the process of the test: on a busy machine late, but it answers. */
export const PATIENT_MS = 60_000

/** The sandbox, which checks every request against Stripe's schemas, and our adapter on it. */
export async function createSandboxProvider(
  t: Teardown,
  webhookUrl?: string,
): Promise<{ sandbox: Sandbox; provider: PaymentProvider }> {
  const sandbox = await startSandbox({
    secretKey: SECRET_KEY,
    ...(webhookUrl === undefined ? {} : { webhook: { url: webhookUrl, secret: WEBHOOK_SECRET } }),
  })
  t.teardown(() => sandbox.close())
  return { sandbox, provider: providerOf(sandbox.url) }
}

export const providerOf = (apiUrl: string, timeoutMs = PATIENT_MS): PaymentProvider =>
  createStripeProvider({
    secretKey: SECRET_KEY,
    webhookSecret: WEBHOOK_SECRET,
    apiUrl,
    timeoutMs,
  })

export const payoutsOf = (apiUrl: string, timeoutMs = PATIENT_MS): PayoutProvider =>
  createStripePayouts({ secretKey: SECRET_KEY, webhookSecret: WEBHOOK_SECRET, apiUrl, timeoutMs })

export const HOUR_MS = 3_600_000

export function beginRequest(amount: bigint, currencyCode = 'EUR'): BeginRequest {
  return {
    attemptId: randomUUID(),
    paymentId: randomUUID(),
    money: { amount, currencyCode },
    description: 'A lamp',
    returnUrl: 'http://localhost:9191/orders/1',
    cancelUrl: 'http://localhost:9191/orders/1',
    expiresAt: new Date(Date.now() + HOUR_MS),
  }
}

/** What a buyer does on the page. */
export const payOnPage = (url: string, card = '4242424242424242'): Promise<Response> =>
  fetch(url, { method: 'POST', body: new URLSearchParams({ card }), redirect: 'manual' })

export function control(sandbox: Sandbox, path: string, body: unknown): Promise<Response> {
  return fetch(`${sandbox.url}/sandbox/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

/** What a promise was rejected with; undefined when it was not. */
export const errorOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  )
