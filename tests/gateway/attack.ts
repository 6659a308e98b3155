import { setTimeout as wait } from 'node:timers/promises'
import type { Cast } from './cast.ts'
import { type Forgery, forge } from './forgeries.ts'
import { sendBytes, type WireAnswer } from './wire.ts'

export type Verdict =
  | 'impersonated'
  | 'refused'
  | 'refused as our fault'
  | 'as who they are'
  | 'failed'
  | 'silent'

/** One forgery and what came of it. */
export interface Finding {
  readonly verdict: Verdict
  readonly how: string
  readonly target: string
  readonly status: number
  readonly bytes: string
  readonly answer: string
}

export interface AttackOptions {
  readonly url: string
  readonly ca?: string
  readonly cast: Cast
  readonly seed: number
  readonly count: number
  /** Whether the gateway's own errors have the error body; they have when absent. */
  readonly hasErrorBodies?: boolean
}

export interface AttackReport {
  readonly variants: number
  readonly verdicts: Readonly<Record<Verdict, number>>
  readonly statuses: Readonly<Record<string, number>>
  readonly tookMs: number
  /** Answers 503 that asked to come again, and were obeyed. */
  readonly postponed: number
  /** Whatever must not be: impersonations, failures and missing answers. */
  readonly findings: readonly Finding[]
}

const BAD: ReadonlySet<Verdict> = new Set(['impersonated', 'failed', 'silent'])
const CONNECTIONS = 24
const LINGER_MS = 60
const BUSY_PAUSE_MS = 250
const BUSY_ATTEMPTS_MAX = 120
const POSTPONED_ATTEMPTS_MAX = 6
const POSTPONED_SECONDS_MAX = 5

/** Sends `count` different forgeries and judges every answer. */
export async function attack(options: AttackOptions): Promise<AttackReport> {
  const { cast, count, seed, url, hasErrorBodies = true } = options
  const own500 = hasErrorBodies ? OWN_500 : PLAIN_500
  const host = new URL(url).host
  const forgeries = forge({ seed, host, targets: cast.targets, claims: cast.claims })
  const verdicts: Record<Verdict, number> = {
    impersonated: 0,
    refused: 0,
    'refused as our fault': 0,
    'as who they are': 0,
    failed: 0,
    silent: 0,
  }
  const statuses: Record<string, number> = {}
  const findings: Finding[] = []
  let postponed = 0
  let left = count
  const startedAtMs = performance.now()
  const work = async () => {
    while (left > 0) {
      left -= 1
      const { value: forgery } = forgeries.next()
      const answer = await sendPatiently(forgery, options, () => {
        postponed += 1
      })
      const verdict = judge(forgery, answer, cast, own500)
      verdicts[verdict] += 1
      statuses[answer.status] = (statuses[answer.status] ?? 0) + 1
      if (!BAD.has(verdict)) continue
      const { how, bytes, target } = forgery
      const { status, text } = answer
      findings.push({ verdict, how, target: target.name, status, bytes, answer: text })
    }
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, work))
  const tookMs = Math.round(performance.now() - startedAtMs)
  return { variants: count, verdicts, statuses, tookMs, postponed, findings }
}

/**
 * The gateway's limit of requests is no verdict on the forgery, so it is sent again. A service without an answer in time
 * says when to come again, and is asked again as well, five times at most: a forgery that brings it down does so each
 * time, and what a busy machine cannot do in time comes later.
 */
async function sendPatiently(
  forgery: Forgery,
  { url, ca, cast }: AttackOptions,
  onPostponed: () => void,
): Promise<WireAnswer> {
  const options = {
    url,
    ...(ca === undefined ? {} : { ca }),
    ...(forgery.hidesRequest ? { lingerMs: LINGER_MS } : {}),
  }
  let postponements = 0
  for (let attempt = 1; ; attempt += 1) {
    const answer = await sendBytes(forgery.bytes, options)
    const { status, text } = answer
    // Whatever its status, an answer with a secret is the last word.
    if (cast.secrets.some((secret) => text.includes(secret))) return answer
    const retryAfter = status === 503 ? RETRY_AFTER.exec(text)?.[1] : undefined
    if (retryAfter !== undefined && postponements < POSTPONED_ATTEMPTS_MAX - 1) {
      postponements += 1
      onPostponed()
      await wait(Math.min(Number(retryAfter), POSTPONED_SECONDS_MAX) * 1_000)
      continue
    }
    // A service's own 429 has a code and is an answer like others.
    const isBusy = status === 429 && !text.includes('"code"')
    if (!isBusy || attempt >= BUSY_ATTEMPTS_MAX) return answer
    await wait(BUSY_PAUSE_MS)
  }
}

// In the head of the first answer.
const RETRY_AFTER = /^(?:(?!\r\n\r\n)[\s\S])*\r\nretry-after: *(\d+)\r\n/i

// 501 and 505 are what RFC 9110 asks for when a transfer coding or a version is not spoken.
const NOT_SPOKEN = new Set([501, 505])

// Traefik answers 500 in place of 400 to a Trailer line that is folded. The answer is its own, not a
// service's, and it has no setting for it; so this one is counted apart, and any other is a failure.
const FOLDED_TRAILER = /^Trailer:[^\r\n]*\r\n[ \t]/m
// Its body is that of a service; a service would name the correlation id as well.
const OWN_500 =
  /^HTTP\/1\.1 500 (?:(?!x-correlation-id:)[\s\S])*\r\n\r\n\{"code":"internal_error"[^\r\n]*\}$/i
// Without the plugin that writes error bodies.
const PLAIN_500 = /^HTTP\/1\.1 500 [\s\S]*\r\n\r\nInternal Server Error$/

function judge(forgery: Forgery, answer: WireAnswer, cast: Cast, own500: RegExp): Verdict {
  const { target, isOrdinaryLine, bytes } = forgery
  const { status, text } = answer
  if (status === 0) return 'silent'
  // In any answer on the connection and whatever its status: no other user is shown these.
  if (cast.secrets.some((secret) => text.includes(secret))) return 'impersonated'
  if (status >= 400 && (status < 500 || NOT_SPOKEN.has(status))) return 'refused'
  if (FOLDED_TRAILER.test(bytes) && own500.test(text)) return 'refused as our fault'
  if (status >= 500) return 'failed'
  const isLetIn = target.isGuarded && target.token === undefined && isOrdinaryLine
  return isLetIn ? 'impersonated' : 'as who they are'
}
