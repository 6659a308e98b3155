import { readClock } from '@auction/common/postgres/clock.ts'
import type { Logger } from '@auction/common/process/logger.ts'
import { outboxTransaction, writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import type { Kysely } from 'kysely'
import type { AccountState, PayoutProvider } from '#src/domain/payout.ts'
import { ProviderError } from '#src/domain/provider.ts'
import { recordAccountState, takeDueAccount } from '#src/infra/postgres/payouts/accounts.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { accountEvent } from './payout-events.ts'

const LEASE_MS = 120_000
// Reports come first; this is for those that never come.
const NEXT = { settled: 86_400_000, fresh: 600_000, freshForMs: 86_400_000 }

/** Asks providers what became of the accounts of sellers; returns of how many it asked. */
export async function lookAtAccounts({
  db,
  providers,
  log,
}: {
  db: Kysely<Database>
  providers: readonly PayoutProvider[]
  log: Logger
}): Promise<number> {
  const names = providers.map(({ name }) => name)
  for (let looked = 0; ; looked += 1) {
    const account = await takeDueAccount(db, names, LEASE_MS)
    const provider = providers.find(({ name }) => name === account?.provider)
    if (account === undefined || provider === undefined) return looked
    try {
      const state = await look(provider, account.reference)
      await outboxTransaction(db, async (tx) => {
        if (!(await recordAccountState(tx, account, state, NEXT))) return
        await writeOutbox(tx, [accountEvent(account, state, await readClock(tx))])
      })
    } catch (error) {
      // It comes again when the lease is over.
      log.warn({ err: error, sellerId: account.sellerId }, 'an account could not be looked at')
    }
  }
}

async function look(provider: PayoutProvider, reference: string): Promise<AccountState> {
  try {
    return await provider.lookAccount(reference)
  } catch (error) {
    if (!(error instanceof ProviderError) || error.problem !== 'refused') throw error
    return { state: 'restricted', code: error.code }
  }
}
