import { randomUUID } from 'node:crypto'
import { readRoutes } from '@auction/local/gateway/routes.ts'
import type { ApiClient } from '#src/api-client.ts'
import { insist, join, logIn, type Person, sell } from '#src/people.ts'
import type { Target } from './forgeries.ts'
import type { Claim } from './lies.ts'
import { readOperations, sample } from './operations.ts'

/** Who is to be impersonated, by whom, and how one would notice. */
export interface Cast {
  readonly victim: Person
  readonly attacker: Person
  readonly targets: readonly Target[]
  readonly claims: readonly Claim[]
  /** No one but the victim is ever shown one of these. */
  readonly secrets: readonly string[]
}

const MAXIMUM = '1743.61'
const LOT_MS = 3_600_000
const IDENTITY_WEIGHT = 8

/** The names that are worth lying with; identity's own are most of what is tried. */
export async function readHeaderNames(): Promise<string[]> {
  const { identityHeaders, strippedHeaders } = await readRoutes()
  return [...Array(IDENTITY_WEIGHT).fill(identityHeaders).flat(), ...strippedHeaders]
}

/** A registered user with a draft, a hidden maximum and a session; and another user. */
export async function createCast(client: ApiClient, headerNames: readonly string[]): Promise<Cast> {
  const run = randomUUID().slice(0, 8)
  const [victim, attacker, seller] = (await Promise.all(
    ['victim', 'attacker', 'seller'].map((name) => join(client, name, `${name}-${run}`)),
  )) as [Person, Person, Person]
  const lot = await sell(client, seller, {
    name: 'a lot',
    startPrice: '1000.00',
    durationMs: LOT_MS,
  })
  await insist(client, 'POST', `/api/v1/lots/${lot.id}/bids`, {
    token: victim.token,
    body: { maxAmount: MAXIMUM },
    headers: { 'idempotency-key': randomUUID() },
    accept: [201],
  })
  const secret = `draft-${randomUUID()}`
  const draft = await insist(client, 'POST', '/api/v1/items', {
    token: victim.token,
    body: draftBody(secret),
    accept: [201],
  })
  const ids = { lotId: lot.id, draftId: String(draft.body.id), victim, attacker }
  const cast = stage(ids, [MAXIMUM, secret], headerNames)
  return { ...cast, targets: [...cast.targets, ...(await otherTargets(client, cast))] }
}

/** The same cast before another scene: the service that answers there decides what is true. */
export function stage(ids: Ids, secrets: readonly string[], headerNames: readonly string[]): Cast {
  const { victim, attacker } = ids
  return {
    victim,
    attacker,
    targets: targetsOf(ids),
    claims: headerNames.map((name) => ({ name, value: claimedValue(name, victim) })),
    secrets: [victim.id, victim.email, ...secrets],
  }
}

function draftBody(name: string): object {
  return {
    name,
    description: 'Only its seller sees it.',
    currencyCode: 'USD',
    startPrice: '10.00',
    startDate: new Date(Date.now() + LOT_MS).toISOString(),
    endDate: new Date(Date.now() + 2 * LOT_MS).toISOString(),
  }
}

function claimedValue(name: string, victim: Person): string {
  if (/email/i.test(name)) return victim.email
  if (/roles?$/i.test(name)) return 'admin'
  if (/method/i.test(name)) return 'POST'
  if (/ur[il]$/i.test(name)) return '/identity/me'
  return victim.id
}

interface Ids {
  lotId: string
  draftId: string
  victim: Person
  attacker: Person
}

/** Every route that shows in its answer, or in what it leaves behind, who called. */
function targetsOf({ lotId, draftId, victim, attacker }: Ids): Target[] {
  const reads = [
    { name: 'own account', service: 'identity', path: '/identity/me', isGuarded: true },
    { name: 'own sessions', service: 'identity', path: '/identity/sessions', isGuarded: true },
    {
      name: "an operator's view of the victim",
      service: 'identity',
      path: `/identity/users/${victim.id}`,
      isGuarded: true,
    },
    { name: 'own bids', service: 'bid', path: '/api/v1/bids', isGuarded: true },
    { name: 'a lot', service: 'bid', path: `/api/v1/lots/${lotId}`, isGuarded: false },
    { name: 'a foreign draft', service: 'auction', path: `/api/v1/items/${draftId}` },
    { name: 'own drafts', service: 'auction', path: '/api/v1/items?mine=true', isGuarded: true },
    { name: 'a page', service: 'web', path: '/', isGuarded: false },
  ] as const
  const writes = [
    {
      name: 'a new item',
      service: 'auction',
      path: '/api/v1/items',
      body: draftBody('by the attacker'),
    },
    {
      name: 'a comment',
      service: 'auction',
      path: `/api/v1/items/${lotId}/comments`,
      body: { content: 'by the attacker' },
    },
    {
      name: 'a bid',
      service: 'bid',
      path: `/api/v1/lots/${lotId}/bids`,
      body: { maxAmount: '1100.00' },
    },
  ] as const
  const all: Target[] = [
    ...reads.map((read): Target => ({ method: 'GET', isGuarded: false, ...read })),
    ...writes.map((write): Target => ({ method: 'POST', isGuarded: true, ...write })),
  ]
  return all.flatMap((target) => [target, { ...target, token: attacker.token }])
}

/** Services that no target above is of: everything that their documents say can be read. */
async function otherTargets(client: ApiClient, { targets, attacker }: Cast): Promise<Target[]> {
  const known = new Set(targets.map(({ service }) => service))
  const operations = await readOperations(client)
  return operations
    .filter(({ service, method }) => !known.has(service) && method === 'GET')
    .map(({ name, service, path, parameters, asksForToken }) => ({
      name,
      service,
      method: 'GET' as const,
      path: path.replaceAll(/\{(\w+)\}/g, (_, key) => String(sample(parameters.get(key) ?? {}))),
      isGuarded: asksForToken,
    }))
    .flatMap((target) => [target, { ...target, token: attacker.token }])
}

/** The same cast with new tokens: they last for ten minutes, and attacks on a busy machine longer. */
export async function renew(client: ApiClient, cast: Cast): Promise<Cast> {
  const logInAgain = async (person: Person) => ({
    ...person,
    token: await logIn(client, person.email),
  })
  const victim = await logInAgain(cast.victim)
  const attacker = await logInAgain(cast.attacker)
  const targets = cast.targets.map((target) =>
    target.token === undefined ? target : { ...target, token: attacker.token },
  )
  return { ...cast, victim, attacker, targets }
}

/** What the victim has done, as the platform remembers it; no attack may change it. */
export async function tracesOf(client: ApiClient, { victim, targets }: Cast): Promise<object> {
  const comments = targets.find(({ name }) => name === 'a comment')?.path
  // The attack may have lasted longer than the token of the victim.
  const token = await logIn(client, victim.email)
  const ask = async (path: string) =>
    (await insist(client, 'GET', path, { token, accept: [200] })).body
  const { totalItems } = await ask('/api/v1/items?mine=true')
  const { bids } = await ask('/api/v1/bids')
  const written = JSON.stringify(await ask(`${comments}?limit=100`))
  const maxima = (bids as { itemId: string; myMaxAmount: string }[]).map(
    ({ itemId, myMaxAmount }) => [itemId, myMaxAmount],
  )
  return { totalItems, maxima, comments: written.split(victim.id).length - 1 }
}
