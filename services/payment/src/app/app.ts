import type { AuthOptions } from '@auction/common/http/auth.ts'
import { obligationsRoute } from '@auction/common/http/obligations-route.ts'
import { type App, buildServer } from '@auction/common/http/server.ts'
import type { Logger } from '@auction/common/process/logger.ts'
import type { Kysely } from 'kysely'
import type { Registry } from 'prom-client'
import { approvalRoutes } from '#src/app/approvals/routes.ts'
import { chargeRoutes } from '#src/app/charges/routes.ts'
import { depositRoutes } from '#src/app/deposits/deposit-routes.ts'
import type { LotClient } from '#src/app/deposits/lot-client.ts'
import { invoiceRoutes } from '#src/app/invoices/routes.ts'
import { balanceRoutes } from '#src/app/ledger/balance-routes.ts'
import type { OrderClient } from '#src/app/payments/order-client.ts'
import { createPaymentMetrics } from '#src/app/payments/payment-metrics.ts'
import { paymentRoutes } from '#src/app/payments/payment-routes.ts'
import { refundRoutes } from '#src/app/payments/refund-routes.ts'
import { webhookRoutes } from '#src/app/payments/webhook-routes.ts'
import { payoutAccountRoutes } from '#src/app/payouts/account-routes.ts'
import { createPayoutMetrics } from '#src/app/payouts/payout-metrics.ts'
import { payoutRoutes } from '#src/app/payouts/routes.ts'
import { statementRoutes } from '#src/app/statements/routes.ts'
import type { ApprovalRules } from '#src/domain/approval.ts'
import type { PayoutProvider } from '#src/domain/payout.ts'
import type { PaymentProvider } from '#src/domain/provider.ts'
import { paymentErrors } from '#src/errors.ts'
import { countDueToSeller } from '#src/infra/postgres/payouts/obligations.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface AppDependencies {
  db: Kysely<Database>
  auth: Pick<AuthOptions, 'issuer' | 'jwks' | 'internalSecret'>
  /** Where the platform owes tax; undefined: nowhere. */
  jurisdiction: string | undefined
  providers: ReadonlyMap<string, PaymentProvider>
  /** Empty: sellers are paid by hand. */
  payoutProviders: readonly PayoutProvider[]
  orders: Pick<OrderClient, 'payables'>
  lots: LotClient
  publicUrl: string
  /** What one operator may do alone. */
  approvals: ApprovalRules
  /** How long a buyer has on the page of the provider. */
  sessionMinutes: number
  /** What a seller gets of the deposit of a winner who does not pay. */
  sellerPercent: number
  log: Logger
  registry: Registry
}

/** The payment API, ready for `listen` or `inject`. */
export async function buildApp(dependencies: AppDependencies): Promise<App> {
  const { db, auth, jurisdiction, providers, approvals, log, registry } = dependencies
  const metrics = createPaymentMetrics(registry)
  const payoutMetrics = createPayoutMetrics(registry)
  const app = await buildServer({
    service: 'payment',
    log,
    registry,
    auth: { ...auth, unauthenticated: paymentErrors.unauthenticated },
    docs: {
      prefix: '/api/v1/payments',
      title: 'Payment API',
      description: 'What buyers pay, what sellers are owed, and the ledger behind both.',
      tags: {
        payments: 'Paying orders.',
        refunds: 'Giving money back.',
        deposits: 'Money that a card holds so that a lot takes bids.',
        webhooks: 'For payment providers.',
        balance: 'What the platform owes the caller as a seller.',
        charges: 'What sellers are charged.',
        statements: 'What happened to the money of the caller as a seller, by months.',
        invoices: 'What the platform charged the caller.',
        approvals: 'What waits for a second operator.',
        payouts: 'What was paid out to the caller as a seller.',
      },
    },
  })
  await paymentRoutes(app, { ...dependencies, metrics })
  await refundRoutes(app, { db, providers, metrics, approvals })
  await depositRoutes(app, { ...dependencies, metrics })
  await webhookRoutes(app, { db, providers, metrics })
  await balanceRoutes(app, { db })
  await payoutRoutes(app, { db, metrics: payoutMetrics, approvals })
  await payoutAccountRoutes(app, dependencies)
  await invoiceRoutes(app, { db })
  await statementRoutes(app, { db })
  await chargeRoutes(app, { db, jurisdiction, approvals })
  await approvalRoutes(app, { db, providers, metrics, payoutMetrics })
  obligationsRoute(app, 'payable', (userId) => countDueToSeller(db, userId))
  return app
}
