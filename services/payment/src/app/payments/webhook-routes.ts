import { answers } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import type { Kysely } from 'kysely'
import { Type } from 'typebox'
import type { PaymentProvider, WebhookReading } from '#src/domain/provider.ts'
import { paymentErrors } from '#src/errors.ts'
import { findDepositByReferences, wakeDeposit } from '#src/infra/postgres/deposits/deposits.ts'
import { findByReferences, wakePayment } from '#src/infra/postgres/payments/payments.ts'
import { insertProviderEvent } from '#src/infra/postgres/payments/provider-events.ts'
import { wakeAccount } from '#src/infra/postgres/payouts/accounts.ts'
import { wakePayout } from '#src/infra/postgres/payouts/payouts.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import type { PaymentMetrics } from './payment-metrics.ts'

const params = Type.Object({ provider: Type.String({ minLength: 1, maxLength: 32 }) })
const BODY_BYTES_MAX = 512 * 1024

export interface WebhookRoutesOptions {
  db: Kysely<Database>
  providers: ReadonlyMap<string, PaymentProvider>
  metrics: PaymentMetrics
}

/**
 * Providers report that something happened. A report is verified, kept once, and has the payment or deposit looked at;
 * nothing that it says is believed. An answer other than 2xx has the provider send it again.
 */
export async function webhookRoutes(app: App, options: WebhookRoutesOptions): Promise<void> {
  const { db, providers, metrics } = options
  await app.register(async (scope) => {
    // What is signed is the body as it came.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser(
      '*',
      { parseAs: 'buffer', bodyLimit: BODY_BYTES_MAX },
      (_request, body, done) => done(null, body),
    )
    scope.post<{
      Params: { provider: string }
      Querystring: Record<string, unknown>
      Body: Buffer
    }>(
      '/webhooks/payments/:provider',
      {
        config: { auth: 'public' },
        bodyLimit: BODY_BYTES_MAX,
        schema: {
          tags: ['webhooks'],
          operationId: 'reportPayment',
          summary: 'For providers: something happened to a payment',
          description:
            'Signed by the provider as it documents, or sent to an address that only it was given.',
          params,
          response: answers({ 200: Type.Object({}, { title: 'WebhookTaken' }) }, [401, 404]),
        },
      },
      async ({ params: { provider: name }, body, headers, query }) => {
        const provider = providers.get(name)
        if (provider === undefined) throw paymentErrors.notFound()
        const raw = Buffer.isBuffer(body) ? body : Buffer.alloc(0)
        const report = provider.readWebhook(raw, headers, query)
        if ('refused' in report) {
          metrics.webhook('refused')
          throw paymentErrors.webhookRefused()
        }
        const { eventId, kind, subject, references } = report
        const paymentId =
          subject === 'payment' ? await findByReferences(db, name, references) : undefined
        const depositId =
          subject === 'payment' && paymentId === undefined
            ? await findDepositByReferences(db, name, references)
            : undefined
        const isFound =
          paymentId !== undefined || depositId !== undefined || (await wakePayee(db, name, report))
        const unknown = subject === 'payment' ? 'orphan' : 'ignored'
        const state = isFound ? 'taken' : unknown
        const isNew = await insertProviderEvent(db, {
          provider: name,
          eventId,
          kind,
          references,
          paymentId,
          state,
          body: raw,
        })
        // Also for one that was here before: the process may have died between the two statements.
        if (paymentId !== undefined) await wakePayment(db, paymentId)
        if (depositId !== undefined) await wakeDeposit(db, depositId)
        metrics.webhook(isNew ? state : 'known')
        return {}
      },
    )
  })
}

/** Has the account of a seller, or a payout, looked at. Ours are written before the provider knows of them. */
async function wakePayee(
  db: Kysely<Database>,
  provider: string,
  { subject, references }: Exclude<WebhookReading, { refused: string }>,
): Promise<boolean> {
  switch (subject) {
    case 'account':
      return wakeAccount(db, provider, references)
    case 'transfer':
      return wakePayout(db, provider, references)
    default:
      return false
  }
}
