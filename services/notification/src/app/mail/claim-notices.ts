import type { Contact } from '@auction/common/contracts/contacts.ts'
import { newId } from '@auction/common/ids.ts'
import { readClock } from '@auction/common/postgres/clock.ts'
import type { Kysely, Transaction } from 'kysely'
import { type DueTruth, readDueTruth } from '#src/app/notices/read-due-truth.ts'
import { FOLD_SECONDS, isMailedAlone } from '#src/domain/mail-folding.ts'
import { kindOf } from '#src/domain/notices.ts'
import {
  deferDeliveries,
  dropDeliveries,
  lockDueDeliveries,
  lockMailsOfUser,
  readSecondsSinceFolded,
  startDeliveries,
} from '#src/infra/postgres/mail/mail-deliveries.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

const DELIVERIES_MAX = 500

/** To whom, and whether anything may be sent there. */
export interface Receiver {
  readonly userId: string
  /** Undefined: identity says that this user gets no mails. */
  readonly contact: Contact | undefined
  readonly isSuppressed: boolean
}

/** One mail that this process sends. */
export interface ClaimedNotices {
  readonly messageId: string
  readonly notices: readonly DueTruth[]
  /** How often its deliveries were tried, this time included. */
  readonly tries: number
}

export interface Claim {
  readonly mail: ClaimedNotices | undefined
  readonly dropped: number
  readonly suppressed: number
}

/**
 * Takes what goes into the next mail of a user, and drops what is not to be sent. It is committed as being sent when
 * this returns. No mail: nothing is due, all of it waits, or another process is at it.
 */
export async function claimNotices(db: Kysely<Database>, receiver: Receiver): Promise<Claim> {
  return db.transaction().execute(async (tx) => {
    const { userId } = receiver
    if (!(await lockMailsOfUser(tx, userId))) return { mail: undefined, dropped: 0, suppressed: 0 }
    const due = await readDueTruth(tx, await lockDueDeliveries(tx, userId, DELIVERIES_MAX))
    const judged = due.map((notice) => ({ ...notice, reason: reasonNotToSend(notice, receiver) }))
    const dropped = judged.flatMap(({ id, reason }) =>
      reason === undefined ? [] : [{ id, reason }],
    )
    if (dropped.length > 0) await dropDeliveries(tx, dropped)
    const suppressed = dropped.filter(({ reason }) => reason === 'suppressed').length
    const left = due.filter((_, index) => judged[index]?.reason === undefined)
    const mail = await start(tx, userId, left)
    return { mail, dropped: dropped.length - suppressed, suppressed }
  })
}

function reasonNotToSend(
  { reason, template }: DueTruth,
  { contact, isSuppressed }: Receiver,
): string | undefined {
  if (reason !== undefined) return reason
  if (contact === undefined) return 'no_address'
  if (isSuppressed) return 'suppressed'
  // Of what a suspended user, or one who closed the account, has won or sold, money still depends.
  const isForSuspended = kindOf(template).isMandatory === true
  return contact.standing === 'suspended' && !isForSuspended ? 'suspended' : undefined
}

async function start(
  tx: Transaction<Database>,
  userId: string,
  notices: readonly DueTruth[],
): Promise<ClaimedNotices | undefined> {
  const now = await readClock(tx)
  const alone = notices.find((notice) => isMailedAlone(notice, now))
  if (alone !== undefined) return startMail(tx, [alone])
  if (notices.length === 0) return undefined
  const seconds = await readSecondsSinceFolded(tx, userId)
  if (seconds === undefined || seconds >= FOLD_SECONDS) return startMail(tx, notices)
  const ids = notices.map(({ id }) => id)
  await deferDeliveries(tx, ids, FOLD_SECONDS - seconds)
  return undefined
}

async function startMail(
  tx: Transaction<Database>,
  notices: readonly DueTruth[],
): Promise<ClaimedNotices> {
  const messageId = newId()
  const ids = notices.map(({ id }) => id)
  return { messageId, notices, tries: await startDeliveries(tx, ids, messageId) }
}
