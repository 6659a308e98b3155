import { setTimeout as wait } from 'node:timers/promises'
import type { Answer, ApiClient, RequestOptions } from '#src/api-client.ts'
import { PASSWORD } from '#src/people.ts'
import type { Chance } from './history.ts'

export interface IdentityLoadOptions {
  clients: ApiClient[]
  chance: Chance
  /** Makes addresses that no other run has used. */
  unique: string
}

export interface IdentityHistory {
  /** Addresses whose registration was acknowledged. */
  registered: string[]
  /** Tokens of sessions whose end was acknowledged. */
  ended: { token: string; refreshToken: string }[]
  refreshed: number
  /** Requests that went through with a session whose end had been acknowledged before. */
  outlived: string[]
}

export interface IdentityLoad {
  history: IdentityHistory
  /** No new people; resolves when those on their way have finished. */
  stop(): Promise<void>
}

const PEOPLE_AT_ONCE = 4
const ANSWER_TIMEOUT_MS = 3_000
const GIVE_UP_MS = 40_000

/** People register, log in, refresh and log out all the while, whatever is being killed. */
export function startIdentityLoad({ clients, chance, unique }: IdentityLoadOptions): IdentityLoad {
  const history: IdentityHistory = { registered: [], ended: [], refreshed: 0, outlived: [] }
  let count = 0
  let isStopping = false
  const comeAndGo = async () => {
    while (!isStopping) {
      const email = `member-${unique}-${count++}@example.test`
      await live(chance.pick(clients), email, chance.below(3), history)
      await wait(100)
    }
  }
  const people = Array.from({ length: PEOPLE_AT_ONCE }, comeAndGo)
  return {
    history,
    async stop() {
      isStopping = true
      await Promise.all(people)
    },
  }
}

async function live(
  client: ApiClient,
  email: string,
  refreshes: number,
  history: IdentityHistory,
): Promise<void> {
  const registered = await untilAnswered(client, 'POST', '/identity/register', {
    body: { name: 'A member', email, password: PASSWORD },
  })
  if (registered?.statusCode !== 201) return
  history.registered.push(email)
  let session = await untilAnswered(client, 'POST', '/identity/login', {
    body: { email, password: PASSWORD },
  })
  for (let index = 0; index < refreshes && session?.statusCode === 200; index += 1) {
    const { refreshToken } = session.body
    // A lost answer is asked for again with the same token: within the grace that is the same
    // successor. After a longer outage the family ends instead, which is what it promises.
    session = await untilAnswered(client, 'POST', '/identity/token/refresh', {
      body: { refreshToken },
    })
    if (session?.statusCode === 200) history.refreshed += 1
  }
  if (session?.statusCode !== 200) return
  const token = String(session.body.token)
  const refreshToken = String(session.body.refreshToken)
  const left = await untilAnswered(client, 'POST', '/identity/logout', { token })
  // 401 is what a logout gets whose first answer was lost: the session has ended all the same.
  if (left?.statusCode !== 204 && left?.statusCode !== 401) return
  history.ended.push({ token, refreshToken })
  await findOutlived(client, { token, refreshToken }, history.outlived)
}

/** Asks with both tokens of an ended session, and notes what lets them pass. */
export async function findOutlived(
  client: ApiClient,
  { token, refreshToken }: { token: string; refreshToken: string },
  outlived: string[],
): Promise<void> {
  const asked = await Promise.all([
    client.request('GET', '/identity/validate', { token }).catch(() => undefined),
    client.request('GET', '/identity/me', { token }).catch(() => undefined),
    client
      .request('POST', '/identity/token/refresh', { body: { refreshToken } })
      .catch(() => undefined),
  ])
  for (const answer of asked) {
    if (answer?.statusCode === 200) outlived.push(JSON.stringify(answer.body))
  }
}

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

/** Sends until a definite answer comes; undefined when none came in time. */
export async function untilAnswered(
  client: ApiClient,
  method: Method,
  path: string,
  options: RequestOptions,
): Promise<Answer | undefined> {
  const deadlineMs = performance.now() + GIVE_UP_MS
  while (performance.now() < deadlineMs) {
    const answer = await client
      .request(method, path, { timeoutMs: ANSWER_TIMEOUT_MS, ...options })
      .catch(() => undefined)
    if (answer !== undefined && answer.statusCode < 500 && answer.statusCode !== 429) return answer
    await wait(200)
  }
  return undefined
}
