import { setTimeout as wait } from 'node:timers/promises'
import type { ApiClient } from '#src/api-client.ts'
import { PASSWORD, type Person } from '#src/people.ts'
import type { Chance } from './history.ts'
import { untilAnswered } from './identity-load.ts'

export interface LeavingLoadOptions {
  clients: ApiClient[]
  chance: Chance
  /** Makes addresses that no other run has used. */
  unique: string
  /** Bids once on some open lot; resolves when it is known what became of the bid. */
  bidOnce(person: Person): Promise<void>
}

export interface LeavingLoad {
  /** People whose request to be forgotten was acknowledged. */
  left: Pick<Person, 'id' | 'email'>[]
  /** No new people; resolves when those on their way have finished. */
  stop(): Promise<void>
}

const BIDS_EACH = 3
const PAUSE_MS = 1_000
const PATIENCE_MS = 60_000

/**
 * People who bid, are outbid and delete their account while lots that they bid on are open: notices about them are
 * under way when they go.
 */
export function startLeavingLoad(options: LeavingLoadOptions): LeavingLoad {
  const left: LeavingLoad['left'] = []
  let isStopping = false
  const comeAndGo = async () => {
    for (let count = 0; !isStopping; count += 1) {
      const person = await come(options, `leaver-${options.unique}-${count}`)
      if (person !== undefined) {
        for (let bid = 0; bid < BIDS_EACH; bid += 1) await options.bidOnce(person)
        if (await leave(options, person)) left.push(person)
      }
      await wait(PAUSE_MS)
    }
  }
  const running = comeAndGo()
  return {
    left,
    async stop() {
      isStopping = true
      await running
    },
  }
}

async function come(
  { clients, chance }: LeavingLoadOptions,
  name: string,
): Promise<Person | undefined> {
  const client = chance.pick(clients)
  const email = `${name}@example.test`
  const registered = await untilAnswered(client, 'POST', '/identity/register', {
    body: { name: 'A leaver', email, password: PASSWORD },
  })
  if (registered?.statusCode !== 201) return undefined
  const token = await tokenOf(client, email)
  return token === undefined ? undefined : { id: subjectOf(token), name, email, token }
}

/**
 * Whose token it is. A registration that is sent again, because its answer was late, is answered with an id of its own,
 * so that no one learns who has an account: the account keeps the first.
 */
function subjectOf(token: string): string {
  const [, claims = ''] = token.split('.')
  const { sub } = JSON.parse(Buffer.from(claims, 'base64url').toString('utf8')) as { sub: string }
  return sub
}

async function tokenOf(client: ApiClient, email: string): Promise<string | undefined> {
  const session = await untilAnswered(client, 'POST', '/identity/login', {
    body: { email, password: PASSWORD },
  })
  return session?.statusCode === 200 ? String(session.body.token) : undefined
}

/** Asks until it is granted: who leads an auction is refused until they are outbid. */
async function leave({ clients, chance }: LeavingLoadOptions, { email }: Person): Promise<boolean> {
  const deadlineMs = performance.now() + PATIENCE_MS
  while (performance.now() < deadlineMs) {
    const client = chance.pick(clients)
    const token = await tokenOf(client, email)
    const answer = await untilAnswered(client, 'DELETE', '/identity/me', { token: token ?? '' })
    if (answer?.statusCode === 202) return true
    await wait(PAUSE_MS)
  }
  return false
}
