import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type Platform, startPlatform } from '@auction/local/platform.ts'
import autocannon from 'autocannon'
import { createClient } from '#src/api-client.ts'
import { join, PASSWORD, type Person } from '#src/people.ts'
import { openLoop } from './open-loop.ts'
import { atMost, median, type Row, versus } from './report.ts'

export interface IdentityBenchSettings {
  stateDir: string
  rounds: number
  seconds: number
  log: (line: string) => void
}

const CONNECTIONS = 64
const LOGIN_CONNECTIONS = 8
/** Below what the rate class lets one address do, summed over the addresses of openLoop. */
const HALF_LOAD_PER_SECOND = 600

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** One person logs in over and over, also in parallel, and a killed request gives no try back. */
const UNTHROTTLED = { 'identity-api': { TRIES_PER_ACCOUNT: '100000' } }

/** P10 and logins: what asking identity costs, and how much of the machine's argon2 a login uses. */
export async function benchIdentity(settings: IdentityBenchSettings): Promise<Row[]> {
  const { stateDir, log } = settings
  const platform = await startPlatform({ stateDir, log, env: UNTHROTTLED })
  const bare = fork(file('validate-baseline.ts'))
  const client = createClient({ baseUrl: platform.gatewayUrl })
  try {
    const [bareAddress] = await once(bare, 'message')
    const person = await join(client, 'Bench', `bench-${Date.now().toString(36)}`)
    return [
      await validate(settings, platform, person, String(bareAddress)),
      await forwardAuth(settings, platform, person),
      await logins(settings, platform, person),
    ]
  } finally {
    client.close()
    bare.kill('SIGKILL')
    await platform.stop()
  }
}

async function validate(
  { rounds, seconds, log }: IdentityBenchSettings,
  platform: Platform,
  { token }: Person,
  bareAddress: string,
): Promise<Row> {
  const ours: number[] = []
  const bare: number[] = []
  const url = `${platform.addresses.get('identity-api')}/identity/validate`
  for (let round = 0; round < rounds; round += 1) {
    bare.push(await perSecond({ url: `${bareAddress}/bare`, duration: seconds }))
    ours.push(await perSecond({ url, duration: seconds, headers: bearer(token) }))
    log(`validate ${ours.at(-1)?.toFixed(0)}/s, bare GET ${bare.at(-1)?.toFixed(0)}/s`)
  }
  return versus({
    goal: 'P10',
    what: '/identity/validate against a bare GET',
    ours: median(ours),
    baseline: median(bare),
    wanted: 0.7,
    unit: '/s',
  })
}

/** The same read through the same gateway with and without ForwardAuth being asked. */
async function forwardAuth(
  { rounds, seconds, log }: IdentityBenchSettings,
  platform: Platform,
  { token }: Person,
): Promise<Row> {
  const added: number[] = []
  const order = {
    baseUrl: platform.gatewayUrl,
    path: '/api/v1/items?limit=1',
    perSecond: HALF_LOAD_PER_SECOND,
    seconds,
  }
  await openLoop({ ...order, headers: bearer(token), seconds: 1 })
  for (let round = 0; round < rounds; round += 1) {
    const without = await openLoop(order)
    const asked = await openLoop({ ...order, headers: bearer(token) })
    added.push(asked.p99Ms - without.p99Ms)
    log(
      `${HALF_LOAD_PER_SECOND}/s: p99 ${without.p99Ms.toFixed(1)} ms, with ForwardAuth ${asked.p99Ms.toFixed(1)} ms`,
    )
  }
  return atMost('P10', 'ForwardAuth adds at p99', median(added), 4, 'ms')
}

async function logins(
  { rounds, seconds, log }: IdentityBenchSettings,
  platform: Platform,
  { email }: Person,
): Promise<Row> {
  const ours: number[] = []
  const bare: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    const [count] = await ended(fork(file('password-baseline.ts'), [String(seconds)]))
    bare.push(count)
    ours.push(
      await perSecond({
        url: `${platform.addresses.get('identity-api')}/identity/login`,
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ email, password: PASSWORD }),
        connections: LOGIN_CONNECTIONS,
        duration: seconds,
      }),
    )
    log(`logins ${ours.at(-1)?.toFixed(1)}/s, argon2 alone ${bare.at(-1)?.toFixed(1)}/s`)
  }
  return versus({
    goal: 'login',
    what: 'logins against argon2 alone',
    ours: median(ours),
    baseline: median(bare),
    wanted: 0.7,
    unit: '/s',
  })
}

async function perSecond(options: autocannon.Options): Promise<number> {
  const result = await autocannon({ connections: CONNECTIONS, ...options })
  if (result.non2xx > 0 || result.errors > 0) {
    throw new Error(`${options.url}: ${result.non2xx} refused, ${result.errors} failed`)
  }
  return result.requests.total / result.duration
}

async function ended(child: ChildProcess): Promise<[number]> {
  const [[value]] = await Promise.all([once(child, 'message'), once(child, 'exit')])
  return [Number(value)]
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
