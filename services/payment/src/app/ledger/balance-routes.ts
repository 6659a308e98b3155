import { answers } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { formatAmount } from '@auction/common/money.ts'
import type { Kysely } from 'kysely'
import { Type } from 'typebox'
import { sellerPayable, sellerPending } from '#src/domain/accounts.ts'
import { readBalances } from '#src/infra/postgres/ledger/balances.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

const SignedAmount = (description: string) =>
  Type.String({ maxLength: 40, description: `decimal string; ${description}` })

const SellerBalance = Type.Object(
  {
    balances: Type.Array(
      Type.Object({
        currencyCode: Type.String(),
        pending: SignedAmount('of orders that are not completed'),
        payable: SignedAmount('paid out next; below zero, the seller owes it'),
      }),
    ),
  },
  { title: 'SellerBalance' },
)

/** What the platform owes the caller as a seller, by currency. */
export async function balanceRoutes(app: App, { db }: { db: Kysely<Database> }): Promise<void> {
  app.get(
    '/api/v1/billing/balance',
    {
      config: { auth: 'bearer', access: 'own' },
      schema: {
        tags: ['balance'],
        operationId: 'readSellerBalance',
        summary: 'What the platform owes you as a seller',
        response: answers({ 200: SellerBalance }),
      },
    },
    async ({ user }, reply) => {
      const [pending, payable] = [sellerPending(user.id), sellerPayable(user.id)]
      const read = await readBalances(db, [pending, payable])
      // The ledger counts what it owes below zero; a seller thinks of it as above.
      const owed = (account: string, currencyCode: string) => {
        const found = read.find(
          (one) => one.account === account && one.currencyCode === currencyCode,
        )
        return formatAmount(-(found?.amount ?? 0n), currencyCode)
      }
      reply.header('cache-control', 'no-store')
      return {
        balances: [...new Set(read.map(({ currencyCode }) => currencyCode))].sort().map((code) => ({
          currencyCode: code,
          pending: owed(pending, code),
          payable: owed(payable, code),
        })),
      }
    },
  )
}
