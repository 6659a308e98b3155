import { Resolver } from 'node:dns/promises'
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent, request as httpsRequest } from 'node:https'
import { isIPv4, type LookupFunction, type Socket } from 'node:net'
import {
  isAllowed,
  isInNetworks,
  type OutgoingRefusal,
  type OutgoingRules,
  type OutgoingTarget,
  readTarget,
} from '#src/domain/outgoing-address.ts'

/** Finds the addresses of a name: all of them, or none when there are none or DNS did not answer. */
export type FindAddresses = (name: string) => Promise<string[]>

export interface GuardedClientOptions extends OutgoingRules {
  findAddresses?: FindAddresses
  timeoutMs?: number
  /** Certificates that are believed besides those of the system; for tests. */
  authorities?: readonly string[]
}

export interface OutgoingRequest {
  url: string
  headers: Readonly<Record<string, string>>
  body: string | Buffer
}

/** Why there was no answer. The codes are stable: users see them in the log of deliveries. */
export type OutgoingFailure =
  | OutgoingRefusal
  | 'name_unresolved'
  | 'connection_failed'
  | 'tls_failed'
  | 'connection_lost'
  | 'answer_invalid'
  | 'timeout'

export type OutgoingOutcome =
  | {
      kind: 'answered'
      status: number
      retryAfter: string | undefined
      /** The first bytes of the answer. */
      body: Buffer
      milliseconds: number
    }
  | { kind: 'failed'; code: OutgoingFailure; milliseconds: number }

export interface GuardedClient {
  /** Posts to an address that a user gave. Never throws for anything that the other side does. */
  post(request: OutgoingRequest): Promise<OutgoingOutcome>
}

/** How much of an answer is read and kept. */
export const ANSWER_BYTES_MAX = 8 * 1024

const TIMEOUT_MS = 15_000
const HEAD_BYTES_MAX = 16 * 1024
const ADDRESSES_MAX = 8
// How long one of several addresses may take to connect before the next one is tried.
const ADDRESS_TIMEOUT_MS = 2_000
const DNS_TIMEOUT_MS = 2_500
const DNS_TRIES = 2

/**
 * The one client for addresses that users give (R-HOOK-1): webhooks and push. It asks DNS once, refuses a
 * name with any address that is not public, and connects to the addresses that it judged. A second answer
 * of DNS therefore changes nothing. TLS still checks the name. No redirect is followed, and the answer is
 * read up to `ANSWER_BYTES_MAX`. Connections are never kept, so a judgement is never used again.
 */
export function createGuardedClient({
  findAddresses = createAddressFinder(),
  timeoutMs = TIMEOUT_MS,
  authorities,
  ...rules
}: GuardedClientOptions): GuardedClient {
  const agent = new Agent({
    keepAlive: false,
    maxCachedSessions: 0,
    ...(authorities === undefined ? {} : { ca: [...authorities] }),
  })

  const judge = async (url: string): Promise<Judgement> => {
    const read = readTarget(url, rules)
    if (!read.ok) return read
    const { target } = read
    const addresses = target.isAddress ? [target.host] : await findAddresses(target.host)
    if (addresses.length === 0) return { ok: false, code: 'name_unresolved' }
    // One bad address among good ones is refused as well: the connection could be made to any of them.
    if (!addresses.every((address) => isAllowed(address, rules))) {
      return { ok: false, code: 'address_refused' }
    }
    const isOurs = addresses.every((address) => isInNetworks(address, rules.allowedNetworks))
    if (!target.isEncrypted && !isOurs) return { ok: false, code: 'scheme_refused' }
    return { ok: true, target, addresses: addresses.slice(0, ADDRESSES_MAX) }
  }

  return {
    async post({ url, headers, body }) {
      const startMs = performance.now()
      const milliseconds = () => Math.round(performance.now() - startMs)
      const deadline = AbortSignal.timeout(timeoutMs)
      const judged = await Promise.race([judge(url), whenAborted(deadline)])
      if (judged === 'timeout')
        return { kind: 'failed', code: 'timeout', milliseconds: milliseconds() }
      if (!judged.ok) return { kind: 'failed', code: judged.code, milliseconds: milliseconds() }
      const { target, addresses } = judged
      const options = {
        method: 'POST',
        // A name or an address; the pinned lookup answers for the name.
        host: target.host,
        port: target.port,
        path: target.path,
        headers: {
          ...headers,
          host: target.authority,
          'content-length': String(Buffer.byteLength(body)),
        },
        lookup: pinnedLookup(addresses),
        autoSelectFamily: true,
        autoSelectFamilyAttemptTimeout: ADDRESS_TIMEOUT_MS,
        maxHeaderSize: HEAD_BYTES_MAX,
        insecureHTTPParser: false,
      }
      const request = target.isEncrypted
        ? httpsRequest({ ...options, agent, servername: target.isAddress ? '' : target.host })
        : httpRequest({ ...options, agent: false })
      const outcome = await readOutcome(request, body, target.isEncrypted, deadline)
      return { ...outcome, milliseconds: milliseconds() }
    },
  }
}

type Judgement =
  | { ok: true; target: OutgoingTarget; addresses: string[] }
  | { ok: false; code: OutgoingFailure }

/**
 * Asks the name servers of the system, or these, for the whole name: search domains, `/etc/hosts` and the few
 * threads of getaddrinfo, which a slow name server could fill, are not used.
 */
export function createAddressFinder(
  servers?: readonly string[],
  /** How long one answer may take before a server is asked again. */
  timeoutMs = DNS_TIMEOUT_MS,
): FindAddresses {
  const resolver = new Resolver({ timeout: timeoutMs, tries: DNS_TRIES })
  if (servers !== undefined) resolver.setServers(servers)
  return async (name) => {
    const found = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)])
    return found.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
  }
}

function pinnedLookup(addresses: readonly string[]): LookupFunction {
  const all = addresses.map((address) => ({ address, family: isIPv4(address) ? 4 : 6 }))
  return (_name, options, callback) => {
    const [first] = all
    if (options.all === true) callback(null, all)
    else callback(null, first?.address ?? '', first?.family)
  }
}

async function whenAborted(signal: AbortSignal): Promise<'timeout'> {
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
  return 'timeout'
}

type Outcome =
  | Omit<Extract<OutgoingOutcome, { kind: 'answered' }>, 'milliseconds'>
  | { kind: 'failed'; code: OutgoingFailure }

/**
 * Sends and reads until there is an answer, a failure or the deadline, and destroys the connection then. The
 * status counts as soon as it came, whatever becomes of the rest of the answer.
 */
function readOutcome(
  request: ClientRequest,
  body: string | Buffer,
  isEncrypted: boolean,
  deadline: AbortSignal,
): Promise<Outcome> {
  return new Promise((resolve) => {
    let phase: 'connecting' | 'encrypting' | 'sent' = 'connecting'
    let answer: IncomingMessage | undefined
    const chunks: Buffer[] = []
    let length = 0

    const end = (failure: OutgoingFailure) => {
      deadline.removeEventListener('abort', onDeadline)
      resolve(
        answer === undefined
          ? { kind: 'failed', code: failure }
          : {
              kind: 'answered',
              status: answer.statusCode ?? 0,
              retryAfter: answer.headers['retry-after'],
              body: Buffer.concat(chunks).subarray(0, ANSWER_BYTES_MAX),
            },
      )
      request.destroy()
    }
    const onDeadline = () => end('timeout')
    if (deadline.aborted) return end('timeout')
    deadline.addEventListener('abort', onDeadline, { once: true })

    request.on('socket', (socket: Socket) => {
      socket.once('connect', () => {
        phase = isEncrypted ? 'encrypting' : 'sent'
      })
      socket.once('secureConnect', () => {
        phase = 'sent'
      })
    })
    request.on('error', (error: NodeJS.ErrnoException) => end(failureOf(phase, error)))
    request.on('close', () => end('connection_lost'))
    request.on('response', (response) => {
      answer = response
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        length += chunk.length
        if (length >= ANSWER_BYTES_MAX) end('connection_lost')
      })
      for (const event of ['end', 'error', 'close']) {
        response.on(event, () => end('connection_lost'))
      }
    })
    request.end(body)
  })
}

function failureOf(
  phase: 'connecting' | 'encrypting' | 'sent',
  { code = '' }: NodeJS.ErrnoException,
): OutgoingFailure {
  if (phase === 'connecting') return 'connection_failed'
  if (phase === 'encrypting') return 'tls_failed'
  return code.startsWith('HPE_') ? 'answer_invalid' : 'connection_lost'
}
