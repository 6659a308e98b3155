import { UUID } from '@auction/common/ids.ts'
import { fieldOf } from '#src/app/forms.ts'
import { notFound, type PageAnswer, type PageRoutes } from '#src/app/page-routes.ts'
import {
  type PayoutEntry,
  payoutProviderPage,
  payoutsPage,
  statementPage,
} from '#src/app/pages/selling/payout-pages.ts'
import { answerAct } from '#src/app/proofs.ts'
import type { Viewer } from '#src/app/viewer.ts'
import { type Identity, ProofNeededError } from '#src/infra/http/identity.ts'
import type { Sales } from '#src/infra/http/sales.ts'
import { orAway } from '#src/infra/http/service-client.ts'
import { ownRoutes, parameterOf } from './guard.ts'
import { saleProblem, statusOf } from './sales.ts'

const MONTHS_SHOWN = 12
const MONTH = /^\d{4}-(0[1-9]|1[0-2])$/

/** What a seller is paid, and where to. */
export function payoutRoutes(
  pages: PageRoutes,
  { sales, identity }: { sales: Sales; identity: Identity },
): void {
  const routes = ownRoutes(pages)

  const show = async (
    viewer: Viewer,
    query: unknown,
    entry: PayoutEntry,
    statusCode: number,
  ): Promise<PageAnswer> => {
    const { authorization } = viewer
    const cursorOf = (name: string) => {
      const cursor = fieldOf(query, name)
      return UUID.test(cursor) ? { cursor } : {}
    }
    const [balances, account, payouts, invoices] = await Promise.all([
      orAway(sales.readBalances(authorization)),
      orAway(sales.readPayoutAccount(authorization)),
      orAway(sales.listPayouts({ limit: '20', ...cursorOf('payouts') }, authorization)),
      orAway(sales.listInvoices({ limit: '20', ...cursorOf('invoices') }, authorization)),
    ])
    const parts = { balances, account, payouts, invoices, months: lastMonths(new Date()) }
    return { statusCode, markup: payoutsPage(viewer, parts, entry), isSecret: true }
  }

  routes.get('/my/payouts', (viewer, { query }) => show(viewer, query, {}, 200))

  routes.get('/my/payouts/:month', async (viewer, request) => {
    const month = parameterOf(request, 'month')
    if (!MONTH.test(month)) return notFound(viewer)
    const cursor = fieldOf(request.query, 'cursor')
    const query = { limit: '100', ...(/^\d{1,18}$/.test(cursor) ? { cursor } : {}) }
    const statement = await sales.readStatement(month, query, viewer.authorization)
    if (statement === undefined) return notFound(viewer)
    return { markup: statementPage(viewer, statement), isSecret: true }
  })

  pages.post(
    '/my/payouts/account',
    answerAct(identity, { page: '/my/payouts' }, async (viewer, caller, { body }) => {
      const country = fieldOf(body, 'country')
      const answer = await sales.openPayoutPage(
        {
          ...(/^[A-Z]{2}$/.test(country) ? { country } : {}),
          returnUrl: viewer.to('/my/payouts'),
        },
        await caller.authorization(),
      )
      if (answer.body.code === 'payment.proof_required') throw new ProofNeededError('payouts')
      if (answer.status >= 300) {
        const problems = [saleProblem(viewer, answer)]
        return show(viewer, {}, { country, problems }, statusOf(answer))
      }
      const page = { url: String(answer.body.url), expiresAt: String(answer.body.expiresAt) }
      // A button of the provider's page leads back here.
      return { markup: payoutProviderPage(viewer, page), isSecret: true }
    }),
  )
}

/** This month and those before it, in UTC as statements count. */
function lastMonths(now: Date): string[] {
  return Array.from({ length: MONTHS_SHOWN }, (_, back) =>
    new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back, 1)).toISOString().slice(0, 7),
  )
}
