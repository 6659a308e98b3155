import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Teardown } from '@auction/common/testing/database.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'

export interface ReceivedSpan {
  service: string
  name: string
  traceId: string
  spanId: string
  /** Empty for the first span of a trace. */
  parentSpanId: string
  /** Ids of traces that it goes on from. */
  links: string[]
  attributes: Record<string, string>
}

export interface OtlpReceiver {
  url: string
  /** Everything received, as it came over the wire. */
  text(): string
  /** Waits until a trace has spans of all these names; answers all of its spans so far. */
  trace(traceId: string, names: string[]): Promise<ReceivedSpan[]>
  /** Waits for the first span of this name that is wanted. */
  find(name: string, isWanted?: (span: ReceivedSpan) => boolean): Promise<ReceivedSpan>
  /** Every trace from which this one goes on, over any number of links, itself included. */
  before(traceId: string): Set<string>
  /** Spans of a trace whose parent was not received; the root is known to the caller. */
  orphans(traceId: string, root: string): ReceivedSpan[]
}

type Attributes = { key: string; value: { stringValue?: string } }[]

interface ExportRequest {
  resourceSpans: {
    resource: { attributes: Attributes }
    scopeSpans: {
      spans: (Omit<ReceivedSpan, 'service' | 'attributes' | 'links'> & {
        attributes?: Attributes
        links?: { traceId: string }[]
      })[]
    }[]
  }[]
}

/** What a collector is to the platform: takes OTLP over HTTP and remembers the spans. */
export async function createOtlpReceiver(t: Teardown): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = []
  const bodies: string[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString()
      bodies.push(text)
      spans.push(...readSpans(JSON.parse(text)))
      response.setHeader('content-type', 'application/json')
      response.end('{}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    text: () => bodies.join('\n'),
    trace: (traceId, names) =>
      waitFor(`the spans ${names.join(', ')}`, () => {
        const found = spans.filter((span) => span.traceId === traceId)
        return names.every((name) => found.some((span) => span.name === name)) ? found : undefined
      }),
    find: (name, isWanted = () => true) =>
      waitFor(`a span ${name}`, () => spans.find((span) => span.name === name && isWanted(span))),
    before(traceId) {
      const found = new Set([traceId])
      // What is added while it is walked is walked too.
      for (const one of found) {
        for (const span of spans) {
          if (span.traceId === one) for (const link of span.links) found.add(link)
        }
      }
      return found
    },
    orphans(traceId, root) {
      const found = spans.filter((span) => span.traceId === traceId)
      const known = new Set([root, ...found.map(({ spanId }) => spanId)])
      return found.filter(({ parentSpanId }) => !known.has(parentSpanId))
    },
  }
}

function readSpans({ resourceSpans }: ExportRequest): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const attribute = resource.attributes.find(({ key }) => key === 'service.name')
    const service = attribute?.value.stringValue ?? ''
    return scopeSpans.flatMap((scope) =>
      scope.spans.map(({ name, traceId, spanId, parentSpanId, attributes = [], links = [] }) => ({
        service,
        name,
        traceId,
        spanId,
        parentSpanId: parentSpanId ?? '',
        links: links.map((link) => link.traceId),
        attributes: Object.fromEntries(
          attributes.map(({ key, value }) => [key, value.stringValue ?? '']),
        ),
      })),
    )
  })
}
