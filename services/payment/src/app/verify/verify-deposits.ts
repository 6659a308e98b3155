import { sellerPart } from '#src/domain/deposit.ts'
import {
  readDepositEntries,
  readVerifiedDeposits,
  type VerifiedDeposit,
} from '#src/infra/postgres/verify/deposit-pages.ts'
import type { Work } from './verify-money.ts'

const NIL = '00000000-0000-0000-0000-000000000000'

/** Compares every deposit with the ledger, and every entry of one with the deposits. Returns how many deposits there are. */
export async function verifyDeposits({ db, page, report }: Work): Promise<bigint> {
  let count = 0n
  for (let last = NIL; ; ) {
    const deposits = await readVerifiedDeposits(db, last, page)
    for (const deposit of deposits) {
      const fault = faultOf(deposit)
      if (fault !== undefined) report(`deposit ${deposit.id}: ${fault}`)
      count += 1n
      last = deposit.id
    }
    if (deposits.length < page) break
  }
  for (let last = 0n; ; ) {
    const entries = await readDepositEntries(db, last, page)
    for (const { id, key, isOrphan } of entries) {
      if (isOrphan) report(`entry ${key}: there is no deposit of it`)
      last = id
    }
    if (entries.length < page) return count
  }
}

function faultOf(deposit: VerifiedDeposit): string | undefined {
  const { state, amount, sellerPercent, taken, ofSeller, ofPlatform, owed, refunded } = deposit
  if (state !== 'captured' && state !== 'returned') {
    return taken === null ? undefined : `is ${state}, but ${taken} were posted as taken`
  }
  if (owed !== null && owed !== amount) return `is to give back ${amount}, posted ${owed}`
  const given = state === 'returned' ? amount : null
  if (refunded !== given) return `is ${state}, but ${refunded ?? 0n} were posted as given back`
  if (given !== null && owed === null) return 'was given back and never owed'
  if (taken === null) return 'was taken and not posted'
  if (taken !== amount) return `took ${amount}, posted ${taken}`
  const wanted = sellerPart(amount, sellerPercent)
  const posted = ofSeller ?? 0n
  if (posted !== wanted) return `owes the seller ${wanted}, posted ${posted}`
  const rest = ofPlatform ?? 0n
  return rest === amount - wanted ? undefined : `leaves ${amount - wanted}, posted ${rest}`
}
