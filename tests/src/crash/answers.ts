import type { ApiClient } from '#src/api-client.ts'

/** The answers of the last moments, by request and code. */
export interface AnswerLog {
  /** The client, with each of its answers recorded here. */
  recorded(client: ApiClient): ApiClient
  /** How often each answer came in the last `ms` milliseconds, the most frequent first. */
  last(ms: number): [answer: string, count: number][]
}

const KEPT_MAX = 20_000
const IDS = /[0-9a-f]{8}-[0-9a-f-]{27}/g

export function createAnswerLog(now: () => number = () => performance.now()): AnswerLog {
  const answers: { atMs: number; answer: string }[] = []
  const keep = (answer: string) => {
    answers.push({ atMs: now(), answer })
    if (answers.length > 2 * KEPT_MAX) answers.splice(0, KEPT_MAX)
  }
  return {
    recorded: (client) => ({
      close: client.close,
      async request(method, path, options) {
        const name = `${method} ${path.replace(IDS, ':id')}`
        try {
          const answer = await client.request(method, path, options)
          const { code } = (answer.body ?? {}) as { code?: unknown }
          keep(`${name} ${answer.statusCode}${code === undefined ? '' : ` ${String(code)}`}`)
          return answer as never
        } catch (error) {
          keep(`${name} no answer: ${error instanceof Error ? error.message : String(error)}`)
          throw error
        }
      },
    }),
    last(ms) {
      const sinceMs = now() - ms
      const counts = new Map<string, number>()
      for (const { atMs, answer } of answers) {
        if (atMs >= sinceMs) counts.set(answer, (counts.get(answer) ?? 0) + 1)
      }
      return [...counts].sort(([, a], [, b]) => b - a)
    },
  }
}
