import { waitFor } from '@auction/common/testing/wait-for.ts'
import pg from 'pg'

const NAME = 'late'
const RECEIVED = 0x77
const KEEPALIVE = 0x6b
const STATUS = 0x72
const EPOCH_2000_MS = Date.UTC(2000, 0, 1)

/** What `pg` has for replication, and does not describe. */
interface Replication {
  on(event: 'copyData', listener: (message: { chunk: Buffer }) => void): void
  sendCopyFromChunk(chunk: Buffer): void
  stream: { destroy(): void }
}

/**
 * Makes every commit of the server wait `delayMs` longer, holding its locks meanwhile: a synchronous
 * standby that confirms what it received so much later, as one in another zone does. Nothing in the
 * databases is changed for it. Resolves when commits are late; the answer ends it.
 */
export async function makeCommitsLate(
  adminUrl: string,
  delayMs: number,
): Promise<() => Promise<void>> {
  const admin = new pg.Client({ connectionString: adminUrl })
  admin.on('error', () => undefined)
  await admin.connect()
  const setStandbys = async (names: string) => {
    // Neither statement waits for a standby itself: they write nothing to the WAL.
    await admin.query(`alter system set synchronous_standby_names = '${names}'`)
    await admin.query('select pg_reload_conf()')
  }
  const standby = await startStandby(adminUrl, delayMs)
  const end = async () => {
    try {
      // First: a commit must never wait for a standby that is gone.
      await setStandbys('')
    } finally {
      standby.stop()
      await admin.end()
    }
  }
  try {
    await setStandbys(NAME)
    await waitFor('the standby to be synchronous', async () => {
      const { rowCount } = await admin.query(
        `select 1 from pg_stat_replication where application_name = $1 and sync_state = 'sync'`,
        [NAME],
      )
      return rowCount === 1
    })
  } catch (error) {
    await end()
    throw error
  }
  return end
}

/** Receives the WAL from now on, keeps nothing of it, and confirms each part after `delayMs`. */
async function startStandby(adminUrl: string, delayMs: number): Promise<{ stop(): void }> {
  const settings = { connectionString: adminUrl, application_name: NAME, replication: 'true' }
  const client = new pg.Client(settings as pg.ClientConfig)
  client.on('error', () => undefined)
  await client.connect()
  const { connection } = client as unknown as { connection: Replication }
  const { rows } = await client.query('IDENTIFY_SYSTEM')
  const { timeline, xlogpos } = rows[0]
  const timers = new Set<NodeJS.Timeout>()
  let confirmed = 0n
  const confirm = () => connection.sendCopyFromChunk(statusUpdate(confirmed))
  connection.on('copyData', ({ chunk }) => {
    if (chunk[0] === KEEPALIVE && chunk[17] === 1) confirm()
    if (chunk[0] !== RECEIVED) return
    const upTo = chunk.readBigUInt64BE(1) + BigInt(chunk.length - 25)
    const timer = setTimeout(() => {
      timers.delete(timer)
      confirmed = upTo
      confirm()
    }, delayMs)
    timers.add(timer)
  })
  // Resolves never: the server streams until the connection ends.
  client.query(`START_REPLICATION PHYSICAL ${xlogpos} TIMELINE ${timeline}`).catch(() => undefined)
  return {
    stop() {
      for (const timer of timers) clearTimeout(timer)
      connection.stream.destroy()
    },
  }
}

/** Written, flushed and applied up to here. */
function statusUpdate(upTo: bigint): Buffer {
  const message = Buffer.alloc(34)
  message[0] = STATUS
  for (const offset of [1, 9, 17]) message.writeBigUInt64BE(upTo, offset)
  message.writeBigInt64BE(BigInt(Date.now() - EPOCH_2000_MS) * 1000n, 25)
  return message
}
