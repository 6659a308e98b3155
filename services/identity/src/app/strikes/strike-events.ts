import { orderStrikeRecorded, orderStrikeRedeemed } from '@auction/common/contracts/order.ts'
import type { Logger } from '@auction/common/process/logger.ts'
import { transactional } from '@auction/common/rabbitmq/consumer.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import type { Transaction } from 'kysely'
import { recordRefusedDeletion } from '#src/app/leaving/record-refused-deletion.ts'
import type { Mails } from '#src/app/mails/mails.ts'
import { recordReinstatement } from '#src/app/operators/reinstate-user.ts'
import { isOperator } from '#src/domain/roles.ts'
import { deleteDeletion } from '#src/infra/postgres/leaving/deletions.ts'
import { deleteSuspension, readSuspension } from '#src/infra/postgres/operators/suspensions.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import {
  putStrikesEnd,
  readStrikesEnd,
  takeStrikeReport,
} from '#src/infra/postgres/strikes/strike-reports.ts'
import { lockAccounts } from '#src/infra/postgres/users/users.ts'
import { suspendForStrikes } from './suspend-for-strikes.ts'

export interface StrikeOptions {
  mails: Mails
  log: Logger
}

interface StrikeReport {
  readonly userId: string
  readonly count: number
  readonly isLimitReached: boolean
  readonly suspendedUntil?: string
  readonly sequence: number
}

const PAID_REASON = 'An order was paid after all.'

const kind = { kind: 'transactional', consumer: 'identity' } as const

/** A buyer did not pay again: with too many strikes the account is suspended (R-ORDER-6). */
export const onStrikeRecorded = (options: StrikeOptions) =>
  transactional({
    ...kind,
    contract: orderStrikeRecorded,
    handle: (tx: Transaction<Database>, { payload, trace }) => apply(tx, options, payload, trace),
  })

/** An order was paid after all: with few enough strikes left the account is reinstated. */
export const onStrikeRedeemed = (options: StrikeOptions) =>
  transactional({
    ...kind,
    contract: orderStrikeRedeemed,
    handle: (tx: Transaction<Database>, { payload, trace }) => apply(tx, options, payload, trace),
  })

/**
 * The two kinds of events have queues of their own, so only the sequence says which report is the last. Under
 * the account's lock, as an operator's act is. Strikes count while an operator suspends as well: of the two
 * suspensions the longer holds, and each ends by its own.
 */
async function apply(
  tx: Transaction<Database>,
  { mails, log }: StrikeOptions,
  { userId, sequence, count, isLimitReached, suspendedUntil }: StrikeReport,
  trace: Trace,
): Promise<void> {
  const [account] = await lockAccounts(tx, [userId])
  if (account === undefined || account.status === 'deleted') return
  if (!(await takeStrikeReport(tx, userId, sequence))) return
  // Operators reinstate others: one who cannot log in is a matter for people.
  if (isLimitReached && isOperator(account.roles)) {
    log.warn({ userId }, 'operator has too many strikes')
    return
  }
  // A report that names no end, as older ones do, leaves what there is.
  if (!isLimitReached) await putStrikesEnd(tx, userId, null)
  else if (suspendedUntil !== undefined) await putStrikesEnd(tx, userId, new Date(suspendedUntil))
  const suspension = await readSuspension(tx, userId)
  // It takes over when that of the operator ends.
  if (suspension?.cause === 'operator') return
  // None when a report lay in a queue for so long that its suspension would be over by now.
  const until = await readStrikesEnd(tx, userId)
  if (until !== undefined) {
    if (suspension?.endsAt?.getTime() === until.getTime()) return
    if (await deleteDeletion(tx, userId))
      await recordRefusedDeletion(tx, mails, account, { actorId: null, trace })
    await suspendForStrikes(tx, { userId, until, count }, trace)
  } else if (suspension !== undefined) {
    await deleteSuspension(tx, userId)
    await recordReinstatement(tx, { userId, reason: PAID_REASON, actorId: null }, trace)
  }
}
