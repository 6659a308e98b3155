import { waitFor } from '@auction/common/testing/wait-for.ts'
import type { ReceivedMail } from '@auction/local/mailbox.ts'
import type { Answer, ApiClient, RequestOptions } from './api-client.ts'

export interface Person {
  id: string
  name: string
  email: string
  token: string
}

/** Where mails arrive: the mailbox of this machine, or a mail server elsewhere. */
export interface Mails {
  mails(): readonly SeenMail[] | Promise<readonly SeenMail[]>
}
export type SeenMail = Pick<ReceivedMail, 'to' | 'template' | 'link'>

export const PASSWORD = 'correct horse battery staple 7'

/** Registers a user and logs in. Throws with the answer when the platform refuses. */
export async function join(client: ApiClient, name: string, unique: string): Promise<Person> {
  const email = `${unique}@example.test`
  const registered = await insist(client, 'POST', '/identity/register', {
    body: { name, email, password: PASSWORD },
    accept: [201],
  })
  const token = await logIn(client, email)
  return { id: String(registered.body.id), name, email, token }
}

/** Registers a user, follows the link of the mail and logs in. */
export async function joinByMail(
  client: ApiClient,
  mailbox: Mails,
  name: string,
  unique: string,
): Promise<Person> {
  const email = `${unique}@example.test`
  const registered = await insist(client, 'POST', '/identity/register', {
    body: { name, email, password: PASSWORD },
    accept: [201],
  })
  const link = await mailedLink(mailbox, email, 'verify_email')
  await insist(client, 'POST', '/identity/email/verify', {
    body: { token: new URLSearchParams(new URL(link).hash.slice(1)).get('token') },
    accept: [204],
  })
  return { id: String(registered.body.id), name, email, token: await logIn(client, email) }
}

/** The link of a mail, once it is there. */
export async function mailedLink(mailbox: Mails, to: string, template: string): Promise<string> {
  let link: string | undefined
  await waitFor(`${template} to ${to}`, async () => {
    const mails = await mailbox.mails()
    link = mails.find((mail) => mail.to === to && mail.template === template)?.link
    return link !== undefined
  })
  return link ?? ''
}

/** A fresh access token. */
export async function logIn(client: ApiClient, email: string): Promise<string> {
  const answer = await insist(client, 'POST', '/identity/login', {
    body: { email, password: PASSWORD },
    accept: [200],
  })
  return String(answer.body.token)
}

export interface InsistOptions extends RequestOptions {
  accept: number[]
}

const ATTEMPTS_MAX = 60

/** An answer that was not to be accepted. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError'
  readonly answer: Answer<unknown>

  constructor(request: string, answer: Answer<unknown>) {
    super(`${request} answered ${answer.statusCode} ${JSON.stringify(answer.body)}`)
    this.answer = answer
  }
}

const isBusy = (status: number) => status === 429 || status === 503

/** Sends until the platform has time: 429 and 503 are tried again after their Retry-After. */
export function insist(
  client: ApiClient,
  method: string,
  path: string,
  { accept, ...options }: InsistOptions,
): Promise<Answer> {
  return sendUntil(client, method, path, options, (status) => accept.includes(status))
}

/** A client whose every request is sent until the platform has time, with the same headers; any other answer is given back. */
export function patient(client: ApiClient): ApiClient {
  return {
    request: (method, path, options) =>
      sendUntil(client, method, path, options, (status) => !isBusy(status)),
    close: () => client.close(),
  }
}

async function sendUntil<T>(
  client: ApiClient,
  method: string,
  path: string,
  options: RequestOptions | undefined,
  isAccepted: (status: number) => boolean,
): Promise<Answer<T>> {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await client.request<T>(method, path, options)
    if (isAccepted(answer.statusCode)) return answer
    if (!isBusy(answer.statusCode) || attempt >= ATTEMPTS_MAX) {
      throw new RefusedError(`${method} ${path}`, answer)
    }
    const seconds = Number(answer.headers['retry-after'] ?? 1)
    await new Promise((resolve) => setTimeout(resolve, Math.min(seconds, 2) * 1000))
  }
}

export interface Listing {
  name: string
  startPrice: string
  durationMs: number
  startsInMs?: number
  currencyCode?: string
  terms?: Record<string, unknown>
  /** How long one answer may take. */
  timeoutMs?: number
}

export interface Sale {
  id: string
  endDate: string
}

/** Lists and publishes an item; answers its id and when it ends. */
export async function sell(client: ApiClient, seller: Person, listing: Listing): Promise<Sale> {
  const { name, startPrice, durationMs, startsInMs = 0, currencyCode = 'USD', terms = {} } = listing
  const patience = listing.timeoutMs === undefined ? {} : { timeoutMs: listing.timeoutMs }
  const startsAtMs = Date.now() + startsInMs
  const created = await insist(client, 'POST', '/api/v1/items', {
    ...patience,
    token: seller.token,
    accept: [201],
    body: {
      name,
      description: `${name}, listed by ${seller.name}.`,
      currencyCode,
      startPrice,
      startDate: new Date(startsAtMs).toISOString(),
      endDate: new Date(startsAtMs + durationMs).toISOString(),
      extensionThresholdMinutes: 0,
      ...terms,
    },
  })
  const id = String(created.body.id)
  await insist(client, 'POST', `/api/v1/items/${id}/publish`, {
    ...patience,
    token: seller.token,
    accept: [200],
  })
  return { id, endDate: String(created.body.endDate) }
}
