import { freeStringsOf } from '@auction/common/testing/written-texts.ts'
import t from 'tap'
import { createWorld } from '#test/helper.ts'

t.test('people write no text to this service: every string is compared or parsed', async (t) => {
  const { app } = await createWorld(t)
  t.strictSame((await freeStringsOf(app)).map(({ place }) => place).sort(), [
    'POST /api/v1/lots/{itemId}/bids body.confirmation',
    'POST /api/v1/lots/{itemId}/bids body.maxAmount',
    'POST /api/v1/lots/{itemId}/bids header.idempotency-key',
    'POST /api/v1/lots/{itemId}/buy-now body.price',
    'POST /api/v1/lots/{itemId}/buy-now header.idempotency-key',
    'POST /api/v1/lots/{itemId}/offers body.cascadeFloor',
    'POST /api/v1/lots/{itemId}/offers header.idempotency-key',
    'POST /api/v1/offers/{offerId}/acceptance header.idempotency-key',
    'POST /api/v1/offers/{offerId}/refusal header.idempotency-key',
    'POST /api/v1/offers/{offerId}/withdrawal header.idempotency-key',
  ])
})
