import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { askChild } from './children.ts'

export interface UpdateOrder {
  postgresUrl: string
  seconds: number
}

const CLIENTS = 15
const UPDATE = 'update hot set n = n + 1 where id = 1'

const hasPgbench = spawnSync('pgbench', ['--version']).status === 0

/** Who drives the one-row UPDATE: pgbench where it is installed, otherwise Node. */
export const UPDATE_CLIENT = hasPgbench ? 'pgbench' : 'Node in the place of pgbench'

// The same file is the emulation's process.
if (process.argv[2] === 'one-row-updates') {
  process.once('message', (order: UpdateOrder) => {
    void emulate(order).then((perSecond) => {
      process.send?.(perSecond, () => process.exit(0))
    })
  })
  process.send?.('ready')
}

/** One-row UPDATEs a second from 15 clients: the most that a transaction per bid could reach. */
export async function oneRowUpdates(order: UpdateOrder): Promise<number> {
  const client = new pg.Client(order.postgresUrl)
  await client.connect()
  await client.query('create table if not exists hot (id int primary key, n bigint)')
  await client.query('insert into hot values (1, 0) on conflict do nothing')
  await client.end()
  return hasPgbench ? pgbench(order) : askChild('updates.ts', 'one-row-updates', order)
}

async function pgbench({ postgresUrl, seconds }: UpdateOrder): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'auction-pgbench-'))
  try {
    const script = join(folder, 'update.sql')
    writeFileSync(script, `${UPDATE};\n`)
    const options = ['-n', '-M', 'prepared', '-c', String(CLIENTS), '-T', String(seconds)]
    const child = spawn('pgbench', [...options, '-f', script, postgresUrl])
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString()
      })
    await new Promise((resolve) => child.once('close', resolve))
    const found = /tps = ([\d.]+)/.exec(output)?.[1]
    if (found === undefined) throw new Error(`pgbench gave no rate: ${output}`)
    return Number(found)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function emulate({ postgresUrl, seconds }: UpdateOrder): Promise<number> {
  const clients = Array.from({ length: CLIENTS }, () => new pg.Client(postgresUrl))
  await Promise.all(clients.map((client) => client.connect()))
  const startedAtMs = performance.now()
  const endMs = startedAtMs + seconds * 1000
  let updates = 0
  await Promise.all(
    clients.map(async (client) => {
      while (performance.now() < endMs) {
        await client.query({ name: 'hot', text: UPDATE })
        updates += 1
      }
      await client.end()
    }),
  )
  return updates / ((performance.now() - startedAtMs) / 1000)
}
