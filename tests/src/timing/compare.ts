import type { Answer, ApiClient } from '#src/api-client.ts'
import { medianNoise, medianOf, sameDistribution } from './statistics.ts'

/** Two requests whose answers must not differ: one names an account, one names none. */
export interface Pair {
  name: string
  path: string
  known(): unknown
  unknown(): unknown
}

export interface Comparison {
  name: string
  samples: number
  knownMs: number
  unknownMs: number
  /** Difference of medians between known and unknown, as a share of the known one. */
  difference: number
  /** What the medians of two equal runs differ by, but for one time in twenty. */
  noise: number
  sameDistribution: number
  /** Answers without their ids; more than one means that the answers differ. */
  shapes: string[]
}

/** Sends the pair in alternation, first one then the other first, and compares what comes back. */
export async function compare(client: ApiClient, pair: Pair, samples: number): Promise<Comparison> {
  const known: number[] = []
  const unknown: number[] = []
  const shapes = new Set<string>()
  const ask = async (body: unknown, into: number[]) => {
    const startedMs = performance.now()
    const answer = await client.request('POST', pair.path, { body })
    into.push(performance.now() - startedMs)
    if (answer.statusCode === 404) throw new Error(`there is no ${pair.path}`)
    if (answer.statusCode === 429) throw new Error(`${pair.path} is throttled`)
    shapes.add(shapeOf(answer))
  }
  for (let index = 0; index < samples; index += 1) {
    const pairs = [() => ask(pair.known(), known), () => ask(pair.unknown(), unknown)]
    if (index % 2 === 1) pairs.reverse()
    for (const send of pairs) await send()
  }
  const knownMs = medianOf(known)
  const unknownMs = medianOf(unknown)
  return {
    name: pair.name,
    samples,
    knownMs,
    unknownMs,
    difference: Math.abs(knownMs - unknownMs) / knownMs,
    noise: medianNoise(known) / knownMs,
    sameDistribution: sameDistribution(known, unknown),
    shapes: [...shapes],
  }
}

const ID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}/g
const CHANGING = new Set(['date', 'x-correlation-id', 'set-cookie'])

/** Status, headers and body without what differs between any two answers. */
function shapeOf({ statusCode, headers, body }: Answer): string {
  const kept = Object.entries(headers).filter(([name]) => !CHANGING.has(name))
  const text = JSON.stringify([statusCode, kept, body])
  return text.replace(ID, 'ID').replace(/[a-z0-9-]+@example\.test/g, 'EMAIL')
}
