import type { Kysely } from 'kysely'
import type { ProviderTransfer } from '#src/domain/payout.ts'
import type { ProviderError } from '#src/domain/provider.ts'
import type { Difference } from '#src/infra/postgres/payments/differences.ts'
import type { ComparedPayout } from '#src/infra/postgres/payouts/payouts.ts'
import { readReversals } from '#src/infra/postgres/payouts/reversals.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/** What both sides have to say of a payout. */
export const textOf = ({
  reference,
  amount,
  reversed,
  currencyCode,
  accountReference,
}: ProviderTransfer) =>
  `${reference}: ${amount} ${currencyCode} to ${accountReference}, ${reversed} back`

export const oursOf = (payout: ComparedPayout) =>
  payout.state === 'done' || payout.state === 'returned'
    ? textOf({
        payoutId: payout.id,
        ...payout,
        reference: payout.reference ?? '',
        reversed: payout.reversedAmount,
      })
    : payout.state

/** The provider shows something else than was asked for: nothing is booked by it, and a person decides. */
export const mismatchOf = (
  { id, amount, currencyCode }: Pick<ComparedPayout, 'id' | 'amount' | 'currencyCode'>,
  { message }: ProviderError,
): Omit<Difference, 'provider' | 'paymentId'> => ({
  kind: 'transfer_amount',
  reference: id,
  payoutId: id,
  ours: `${amount} ${currencyCode}`,
  theirs: message,
})

/** Whether any request for money of this payout is under way. */
export const isBeingReversed = async (db: Kysely<Database>, payoutId: string): Promise<boolean> =>
  (await readReversals(db, payoutId)).some(({ state }) =>
    ['planned', 'sending', 'unknown'].includes(state),
  )
