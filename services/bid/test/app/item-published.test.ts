import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInternalClient } from '@auction/common/http/internal-client.ts'
import { ownTrace } from '@auction/common/telemetry/tracing.ts'
import t from 'tap'
import { createBidEvents } from '#src/app/bid-events.ts'
import { onItemPublished } from '#src/app/consumers/item-published.ts'
import { createBidSettings } from '#src/domain/settings.ts'
import { createWorld, lotTerms } from '#test/helper.ts'

t.test('the lot of a published item is made from the terms of the auction service', async (t) => {
  const { pool, db, lot } = await createWorld(t)
  const answers: { statusCode: number; body: object }[] = []
  const server = createServer((_request, response) => {
    const { statusCode, body } = answers.shift() ?? { statusCode: 500, body: {} }
    response.writeHead(statusCode).end(JSON.stringify(body))
  }).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const consumer = onItemPublished({
    pool,
    db,
    events: createBidEvents({ legacyAlias: false }),
    settings: createBidSettings(),
    auction: createInternalClient({
      service: 'bid',
      target: 'auction',
      baseUrl: `http://127.0.0.1:${port}`,
      secret: 'a secret of at least thirty-two characters',
      // Both ends are in this process, which may wait long for its processor.
      timeoutMs: 60_000,
    }),
  })
  const terms = lotTerms({ itemId: randomUUID() })
  const consume = (statusCode: number, body: object) => {
    answers.push({ statusCode, body })
    const { itemId: id, sellerId, startDate, endDate, termsVersion } = terms
    const payload = { id, sellerId, startDate, endDate, termsVersion }
    return consumer.handle({ payload, trace: ownTrace('test') } as Parameters<
      typeof consumer.handle
    >[0])
  }
  await consume(404, { code: 'item.terms.not_found' })
  t.equal(answers.length, 0, 'an item that is gone has no lot')
  const unavailable = { code: 'service.unavailable' }
  await t.rejects(consume(404, { code: 'request.not_found' }), unavailable, 'another service')
  await t.rejects(consume(404, {}), unavailable, 'a proxy')
  await t.rejects(consume(403, { code: 'auction.forbidden' }), { message: /answered 403/ })
  t.match(await lot(terms.itemId), { code: 'lot.not_found' }, 'so the event comes again')
  await consume(200, terms)
  t.match(await lot(terms.itemId), { itemId: terms.itemId })
})
