import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { LotDeposit } from '@auction/common/contracts/terms.ts'
import { createInternalClient } from '@auction/common/http/internal-client.ts'
import { createLotClient, type LotClient } from '#src/app/deposits/lot-client.ts'
import { PATIENT_MS } from './infra/stripe/sandbox.ts'
import { INTERNAL_SECRET } from './order-service.ts'

export interface BidService {
  url: string
  client: LotClient
  /** Questions that were asked. */
  asked: string[]
  /** While true, no request is answered well. */
  isDown: boolean
  /** A lot of a day that wants 50.00 EUR, and what differs. It may be changed later. */
  add(lot?: Partial<LotDeposit>): { -readonly [Key in keyof LotDeposit]: LotDeposit[Key] }
}

const DAY_MS = 86_400_000

/** A neighbour that keeps the contract of the deposits of lots, over HTTP. */
export async function startBidService(t: {
  teardown(work: () => unknown): void
}): Promise<BidService> {
  const lots = new Map<string, LotDeposit>()
  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    const [, itemId = ''] = /^\/internal\/v1\/lots\/([^/]+)\/deposit$/.exec(request.url ?? '') ?? []
    service.asked.push(itemId)
    const lot = lots.get(itemId)
    const refuse = (statusCode: number, code: string) => {
      response.statusCode = statusCode
      return { code, message: code }
    }
    const body = service.isDown
      ? refuse(503, 'service.unavailable')
      : (lot ?? refuse(404, 'lot.not_found'))
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const service: BidService = {
    url,
    client: createLotClient(
      createInternalClient({
        service: 'payment',
        target: 'bid',
        baseUrl: url,
        secret: INTERNAL_SECRET,
        timeoutMs: PATIENT_MS,
      }),
    ),
    asked: [],
    isDown: false,
    add(changes = {}) {
      const lot: LotDeposit = {
        itemId: randomUUID(),
        sellerId: randomUUID(),
        currencyCode: 'EUR',
        deposit: '50.00',
        phase: 'open',
        endDate: new Date(Date.now() + DAY_MS).toISOString(),
        ...changes,
      }
      lots.set(lot.itemId, lot)
      return lot
    },
  }
  return service
}
