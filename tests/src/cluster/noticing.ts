import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import { type ClientOptions, createClient } from '#src/api-client.ts'
import { insist, joinByMail, type Mails, type Person, type SeenMail, sell } from '#src/people.ts'
import type { Cluster } from './commands.ts'
import { DATA } from './installation.ts'
import type { Court } from './judging.ts'

const LOT_MS = 90_000
const LATEST_MAILS = 100
const TEMPLATE_HEADER = 'X-Auction-Template'
const LINK = /https?:\/\/\S+#token=\S+/

/**
 * A stranger registers, follows the link of the mail, bids, is outbid, bids again and wins; the page that watches the
 * lot, the inbox and the mails say so. The mails are read where the mail server of the local profile keeps them.
 */
export async function tryNotices({ cluster, gateway, log, fail }: Court): Promise<void> {
  const sink = await openMailSink(cluster)
  const client = createClient(gateway)
  let page: Page | undefined
  try {
    const unique = Date.now().toString(36)
    const join = (name: string) => joinByMail(client, sink, name, `${name}-${unique}`)
    const startedAtMs = performance.now()
    const stranger = await join('stranger')
    log(`  registered, verified and logged in ${secondsSince(startedAtMs)}`)
    const [seller, rival] = [await join('seller'), await join('rival')]
    const { id } = await sell(client, seller, {
      name: `lamp ${unique}`,
      startPrice: '1.00',
      durationMs: LOT_MS,
    })
    const watched = await watchLot(gateway, id)
    page = watched
    const bid = (person: Person, maxAmount: string) =>
      insist(client, 'POST', `/api/v1/lots/${id}/bids`, {
        token: person.token,
        body: { maxAmount },
        headers: { 'idempotency-key': `${person.name}-${unique}-${maxAmount}` },
        accept: [201],
      })
    const isInInbox = (person: Person, template: string) => async () => {
      const { token } = person
      const { body } = await insist(client, 'GET', '/api/v1/notifications', {
        token,
        accept: [200],
      })
      const { notifications } = body as { notifications: { template: string; itemId?: string }[] }
      return notifications.some((notice) => notice.template === template)
    }
    const isMailed = (person: Person, template: string) => async () =>
      (await sink.mails()).some((mail) => mail.to === person.email && mail.template === template)
    const see = async (what: string, isSeen: () => Promise<boolean> | boolean) => {
      const sinceMs = performance.now()
      const problem = await waitFor(what, isSeen, LOT_MS, 250).then(
        () => undefined,
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      )
      if (problem === undefined) log(`  ${what} ${secondsSince(sinceMs)}`)
      else fail(`${what} was not seen: ${problem}`)
    }
    await bid(stranger, '2.00')
    await bid(rival, '20.00')
    await see('the new price on the open page', () => watched.shows('"currentPrice":"2.'))
    await see('outbid, in the inbox', isInInbox(stranger, 'outbid'))
    await see('outbid, by mail', isMailed(stranger, 'outbid'))
    await bid(stranger, '50.00')
    await see('the end on the open page', () => watched.shows('"phase":"closed"'))
    await see('won, in the inbox', isInInbox(stranger, 'won'))
    await see('won, by mail', isMailed(stranger, 'won'))
    await see('lost, in the inbox', isInInbox(rival, 'lost'))
    await see('sold, by mail', isMailed(seller, 'sold'))
  } finally {
    page?.close()
    client.close()
    sink.close()
  }
}

const secondsSince = (atMs: number) => `after ${((performance.now() - atMs) / 1000).toFixed(1)} s`

/** What a visitor sees who has opened the page of a lot. */
export interface Page {
  /** Whether its stream has brought this text so far. Throws when the stream has ended without. */
  shows(text: string): boolean
  close(): void
}

/** Opens the stream of a lot as a visitor. */
export async function watchLot({ baseUrl, ca }: ClientOptions, itemId: string): Promise<Page> {
  const url = new URL(`/api/v1/live?lots=${itemId}`, baseUrl)
  const headers = { accept: 'text/event-stream' }
  const outgoing =
    url.protocol === 'https:'
      ? httpsRequest(url, { headers, ...(ca === undefined ? {} : { ca }) })
      : httpRequest(url, { headers })
  outgoing.end()
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  if (response.statusCode !== 200) {
    outgoing.destroy()
    throw new Error(`GET ${url.pathname}: ${response.statusCode}`)
  }
  let shown = ''
  let isOver = false
  response.setEncoding('utf8')
  response.on('data', (chunk: string) => {
    shown += chunk
  })
  // What was lost on the way is seen by what is missing in the text.
  response.on('error', () => undefined)
  outgoing.on('error', () => undefined)
  response.on('close', () => {
    isOver = true
  })
  return {
    shows(text) {
      if (shown.includes(text)) return true
      if (isOver) throw new Error('the stream has ended')
      return false
    },
    close: () => outgoing.destroy(),
  }
}

/** The latest mails of the server that takes every mail of the local profile. */
export async function openMailSink(
  cluster: Pick<Cluster, 'forward'>,
): Promise<Mails & { close(): void }> {
  const way = await cluster.forward(`service/${DATA}-mail-sink`, 8025)
  const read = async <T>(path: string): Promise<T> => {
    const answer = await fetch(`http://127.0.0.1:${way.port}/api/v1${path}`)
    if (!answer.ok) throw new Error(`GET ${path} of the mail server: ${answer.status}`)
    return (await answer.json()) as T
  }
  const seen = new Map<string, readonly SeenMail[]>()
  const readMail = async (id: string): Promise<readonly SeenMail[]> => {
    const known = seen.get(id)
    if (known !== undefined) return known
    const mail = await read<{ Text: string; To: { Address: string }[] }>(`/message/${id}`)
    const headers = await read<Record<string, string[]>>(`/message/${id}/headers`)
    const template = headers[TEMPLATE_HEADER]?.[0] ?? ''
    const link = LINK.exec(mail.Text)?.[0]
    const mails = mail.To.map(({ Address }) => ({
      to: Address,
      template,
      ...(link === undefined ? {} : { link }),
    }))
    seen.set(id, mails)
    return mails
  }
  return {
    async mails() {
      const list = await read<{ messages: { ID: string }[] }>(`/messages?limit=${LATEST_MAILS}`)
      return (await Promise.all(list.messages.map(({ ID }) => readMail(ID)))).flat()
    },
    close: () => way.close(),
  }
}
