import { type MollieSandbox, startMollieSandbox } from '@auction/local/sandbox/mollie/server.ts'
import type { PaymentProvider } from '#src/domain/provider.ts'
import { createMollieProvider } from '#src/infra/mollie/mollie-provider.ts'
import { PATIENT_MS, type Teardown } from '#test/infra/stripe/sandbox.ts'

const API_KEY = 'test_sandbox'
export const MOLLIE_SECRET = 'mollie_sandbox'

/** A provider of our own on Mollie's wire, and our adapter on it. */
export async function createMollieSandbox(
  t: Teardown,
  publicUrl = 'http://127.0.0.1:9',
): Promise<{ sandbox: MollieSandbox; provider: PaymentProvider }> {
  const sandbox = await startMollieSandbox({ apiKey: API_KEY })
  t.teardown(() => sandbox.close())
  return { sandbox, provider: mollieOf(sandbox.url, { publicUrl }) }
}

export const mollieOf = (
  apiUrl: string,
  { publicUrl = 'http://127.0.0.1:9', timeoutMs = PATIENT_MS } = {},
): PaymentProvider =>
  createMollieProvider({
    apiKey: API_KEY,
    webhookSecret: MOLLIE_SECRET,
    publicUrl,
    apiUrl,
    timeoutMs,
  })

/** What a buyer chooses on the page of the test mode. */
export const chooseOnPage = (url: string, outcome = 'paid'): Promise<Response> =>
  fetch(url, { method: 'POST', body: new URLSearchParams({ outcome }), redirect: 'manual' })
