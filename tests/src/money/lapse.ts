import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import type { MoneyPlaces } from './check.ts'

const PAUSE_MS = 2_000
const SENDING_MS = 8_000
const LOOK_MS = 15

// An hour, for what waits by the schedule of payouts; half a minute, for what is not known yet. It waits for no lock:
// with those that it has it would hold up the platform.
const LAPSE = `
  with candidates as (
    update payout_candidates set due_at = least(due_at, now())
    where (seller_id, currency_code) in (select seller_id, currency_code from payout_candidates for update skip locked)
  ),
  reversals as (
    update payout_reversals set due_at = due_at - interval '30 s'
    where id in (select id from payout_reversals where state in ('sending', 'unknown') for update skip locked)
  )
  update payouts set created_at = created_at - interval '1 hour',
    due_at = case when state in ('sending', 'unknown') then due_at - interval '30 s' else due_at end
  where id in (select id from payouts for update skip locked)`

/** Has time pass for payouts, so that sellers are paid again and again. */
export function startLapse(places: MoneyPlaces): { stop(): Promise<void> } {
  const stopping = new AbortController()
  const run = async () => {
    while (!stopping.signal.aborted) {
      // PostgreSQL may be killed just now.
      await onPayment(places, (client) => client.query(LAPSE)).catch(() => undefined)
      await wait(PAUSE_MS, undefined, { signal: stopping.signal }).catch(() => undefined)
    }
  }
  const running = run()
  return {
    async stop() {
      stopping.abort()
      await running
    },
  }
}

/** Waits until a payout, or money that comes back, is being sent; false: none was for some seconds. */
export async function isSending(places: MoneyPlaces): Promise<boolean> {
  return onPayment(places, async (client) => {
    const deadlineMs = performance.now() + SENDING_MS
    while (performance.now() < deadlineMs) {
      const { rowCount } = await client.query(
        `select from payouts where state = 'sending' and changed_at > now() - interval '2 s'
         union all
         select from payout_reversals where state = 'sending' and changed_at > now() - interval '2 s'`,
      )
      if ((rowCount ?? 0) > 0) return true
      await wait(LOOK_MS)
    }
    return false
  }).catch(() => false)
}

async function onPayment<T>(
  places: MoneyPlaces,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString: places.postgres.url('payment') })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end().catch(() => undefined)
  }
}
