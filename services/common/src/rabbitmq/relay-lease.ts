import type { PoolClient } from 'pg'
import { ADVISORY_LOCKS } from '../postgres/advisory-locks.ts'

/**
 * The lead of an outbox relay. PostgreSQL keeps a session's lock for as long as it believes in the
 * socket, so a leader that is frozen, or whose host vanished, would keep the lead. Therefore a
 * leader says something on its session every two seconds; a standby ends the session of a leader
 * that was silent for ten. The leader itself publishes nothing new when it did not renew for eight: a
 * frozen one that wakes up has lost the lead. What it had handed to its socket before goes out once
 * more all the same, which consumers tolerate.
 */
export interface Lease {
  /** True while no other process can have taken the lead. */
  isHeld(): boolean
  /** Runs a statement of the lead; any of them renews it. */
  renewedBy<T>(statement: () => Promise<T>): Promise<T>
  /**
   * Renews the lead while `work` runs, which must not use the session. Throws when the lead is lost, also
   * when the session lives on: as long as it says something, no standby takes over.
   */
  keptDuring<T>(work: () => Promise<T>): Promise<T>
}

const RENEW_INTERVAL_MS = 2_000
const HELD_MS = 8_000
/** A leader is silent when its session ran no statement for so long. */
export const SILENT_MAX_MS = 10_000

/** `lost` is called when the session has ended or a renewal failed. */
export function createLease(client: PoolClient, lost: () => void): Lease {
  // The steady clock stands still while a virtual machine is suspended, the other one may be set.
  let renewedAt = { steadyMs: performance.now(), wallMs: Date.now() }
  let loss: { cause: unknown } | undefined
  const lose = (cause?: unknown) => {
    loss ??= { cause }
    lost()
  }
  // The lock is free as soon as its session has ended.
  client.once('error', lose)
  client.once('end', lose)
  const renewedBy = async <T>(statement: () => Promise<T>): Promise<T> => {
    // Before it is sent: the server's time of the statement is never earlier.
    const askedAt = { steadyMs: performance.now(), wallMs: Date.now() }
    const result = await statement()
    renewedAt = askedAt
    return result
  }
  return {
    isHeld: () =>
      loss === undefined &&
      performance.now() - renewedAt.steadyMs < HELD_MS &&
      Date.now() - renewedAt.wallMs < HELD_MS,
    renewedBy,
    async keptDuring(work) {
      let renewal: Promise<unknown> | undefined
      const renew = () => {
        if (loss !== undefined) return
        renewal ??= renewedBy(() => client.query('select 1'))
          .catch(lose)
          .finally(() => {
            renewal = undefined
          })
      }
      // Many short waits without a statement between them are one long one.
      if (performance.now() - renewedAt.steadyMs >= RENEW_INTERVAL_MS) renew()
      const timer = setInterval(renew, RENEW_INTERVAL_MS)
      const stop = async () => {
        clearInterval(timer)
        await renewal
      }
      const result = await work().finally(stop)
      if (loss !== undefined) throw loss.cause ?? new Error('the session of the lead has ended')
      return result
    },
  }
}

/** Takes the lead if it is free. It is held until the session ends. */
export async function takeLead(client: PoolClient): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>(
    'select pg_try_advisory_lock(hashtext($1)) as locked',
    [ADVISORY_LOCKS.outboxRelay],
  )
  return rows[0]?.locked === true
}

/** Ends the session that leads when it was silent for too long; answers whether it did. */
export async function endSilentLeader(
  client: PoolClient,
  silentMaxMs = SILENT_MAX_MS,
): Promise<boolean> {
  const { rowCount } = await client.query(
    `select pg_terminate_backend(leader.pid)
     from pg_locks lock join pg_stat_activity leader using (pid)
     where lock.locktype = 'advisory' and lock.granted and lock.objsubid = 1
       and lock.database = (select oid from pg_database where datname = current_database())
       and (lock.classid::bigint << 32 | lock.objid::bigint) = hashtext($1)::bigint
       and leader.state_change < (select clock_timestamp() - make_interval(secs => $2))`,
    [ADVISORY_LOCKS.outboxRelay, silentMaxMs / 1000],
  )
  return (rowCount ?? 0) > 0
}
