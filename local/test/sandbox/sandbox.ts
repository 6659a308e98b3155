import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Stripe from 'stripe'
import { API_VERSION } from '#src/sandbox/request-check.ts'
import { type Sandbox, type SandboxOptions, startSandbox } from '#src/sandbox/server.ts'

interface Test {
  teardown(work: () => unknown): void
}

export const SECRET_KEY = 'sk_test_sandbox'
export const WEBHOOK_SECRET = 'whsec_sandbox'

type StripeOptions = NonNullable<ConstructorParameters<typeof Stripe>[1]>

/** Stripe's own client, for the sandbox. */
export function clientOf(url: string): Stripe {
  const { hostname, port } = new URL(url)
  return new Stripe(SECRET_KEY, {
    host: hostname,
    port: Number(port),
    protocol: 'http',
    apiVersion: API_VERSION as StripeOptions['apiVersion'] & string,
    maxNetworkRetries: 2,
    timeout: 60_000,
    telemetry: false,
  })
}

export async function sandboxOf(
  t: Test,
  options: Partial<SandboxOptions> = {},
): Promise<{ sandbox: Sandbox; stripe: Stripe }> {
  const sandbox = await startSandbox({ secretKey: SECRET_KEY, ...options })
  t.teardown(() => sandbox.close())
  return { sandbox, stripe: clientOf(sandbox.url) }
}

/** A session of 18.50 EUR, as the payment service asks for one. */
export const sessionParams = (id: string): Stripe.Checkout.SessionCreateParams => ({
  mode: 'payment',
  line_items: [
    {
      quantity: 1,
      price_data: { currency: 'eur', unit_amount: 1850, product_data: { name: 'Lamp <old>' } },
    },
  ],
  success_url: 'http://localhost:9191/orders',
  cancel_url: 'http://localhost:9191/cancelled',
  client_reference_id: id,
  metadata: { attempt: id },
  payment_intent_data: {
    capture_method: 'manual',
    transfer_group: `payment_${id}`,
    metadata: { attempt: id },
  },
})

export function control(sandbox: Sandbox, path: string, body: unknown): Promise<Response> {
  return fetch(`${sandbox.url}/sandbox/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

export const submit = (url: string, fields: Record<string, string>): Promise<Response> =>
  fetch(url, { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' })

/** Receives webhooks, and refuses as long as it is asked to. */
export async function receiverOf(t: Test) {
  const received: Stripe.Event[] = []
  const state = { status: 200 }
  const verifier = new Stripe(SECRET_KEY)
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', () => {
      const event = verifier.webhooks.constructEvent(
        Buffer.concat(chunks),
        String(request.headers['stripe-signature']),
        WEBHOOK_SECRET,
      )
      received.push(event)
      response.statusCode = state.status
      response.end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { received, state, webhook: { url: `http://127.0.0.1:${port}/`, secret: WEBHOOK_SECRET } }
}
