import { newId } from '@auction/common/ids.ts'
import { sql, type Transaction } from 'kysely'
import type { OperationState } from '#src/domain/judge-payment.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

type Tx = Transaction<Database>

export interface PlannedOperation {
  id: string
  kind: 'cancel'
  key: string
  state: OperationState
  tries: number
}

/** What providers are asked for the rows of a table; one row a request, with the key that it is repeated with. */
export function operationsOf(owner: 'payment' | 'deposit') {
  const table = sql.table(`${owner}_operations`)
  const ownerId = sql.ref(`${owner}_id`)
  return {
    /** Plans what the provider is to be asked. It is planned once, however often that is wanted. */
    async plan(tx: Tx, id: string, kind: 'capture' | 'cancel' | 'refund'): Promise<void> {
      await sql`
        insert into ${table} (id, ${ownerId}, kind, key, state)
        values (${newId()}, ${id}, ${kind}, ${`${owner}:${id}:${kind}`}, 'planned')
        on conflict (key) do nothing`.execute(tx)
    },

    /** As plan and markSending in one: the caller sends it as soon as this is committed. Undefined: it is planned already. */
    async planSending(tx: Tx, id: string, kind: 'cancel'): Promise<PlannedOperation | undefined> {
      const key = `${owner}:${id}:${kind}`
      const { rows } = await sql<PlannedOperation>`
        insert into ${table} (id, ${ownerId}, kind, key, state, tries, sent_at)
        values (${newId()}, ${id}, ${kind}, ${key}, 'sending', 1, clock_timestamp())
        on conflict (key) do nothing returning id, kind, key, state, tries`.execute(tx)
      return rows[0]
    },

    /** It was accepted or refused, and the provider shows that it has no effect: it is asked once more. */
    async planAgain(tx: Tx, id: string): Promise<void> {
      await sql`
        update ${table} set state = 'planned', code = null
        where id = ${id} and state in ('done', 'failed')`.execute(tx)
    },

    /** Committed before the request is sent, so that it is never sent without a trace. */
    async markSending(tx: Tx, id: string): Promise<void> {
      await sql`
        update ${table} set state = 'sending', tries = tries + 1, sent_at = coalesce(sent_at, clock_timestamp())
        where id = ${id} and state <> 'done'`.execute(tx)
    },

    /** The provider said that it did not do it, as there was too much to do. What was sent before, and not answered, stays unknown. */
    async markUnsent(tx: Tx, id: string): Promise<void> {
      await sql`
        update ${table} set tries = tries - 1,
          state = case when tries > 1 then 'unknown' else 'planned' end,
          sent_at = case when tries > 1 then sent_at end
        where id = ${id} and state = 'sending'`.execute(tx)
    },

    /** What an answer, or a look, said about an operation. One that is done stays done. */
    async mark(
      tx: Tx,
      id: string,
      state: Extract<OperationState, 'done' | 'failed' | 'unknown'>,
      code?: string,
    ): Promise<void> {
      await sql`
        update ${table} set state = ${state}, code = ${code ?? null}
        where id = ${id} and state <> 'done'`.execute(tx)
    },
  }
}
