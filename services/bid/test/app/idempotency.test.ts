import { randomUUID } from 'node:crypto'
import type { App } from '@auction/common/http/server.ts'
import { createLogger } from '@auction/common/process/logger.ts'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import t, { type Test } from 'tap'
import { requestHash } from '#src/app/bid-command.ts'
import { createBidEvents } from '#src/app/bid-events.ts'
import { createCloserMetrics } from '#src/app/metrics.ts'
import { createTimers } from '#src/app/timers.ts'
import { OFFER_WINDOWS } from '#src/domain/offer.ts'
import { createBidSettings } from '#src/domain/settings.ts'
import { createWorld } from '#test/helper.ts'

t.test('the same key always gets the same answer', async (t) => {
  const world = await createWorld(t)
  const replica = await world.replica()
  const ann = randomUUID()

  t.test('100 sends of one key in parallel, over two processes, are one bid', async (t) => {
    const { itemId } = await world.putTerms()
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        world.bid(itemId, ann, '25.00', {
          key: 'k-100',
          app: index % 2 === 0 ? world.app : replica,
        }),
      ),
    )
    t.equal(new Set(answers.map(({ body }) => JSON.stringify(body))).size, 1, 'identical bodies')
    t.ok(answers.every(({ statusCode }) => statusCode === 201))
    t.equal(
      answers.filter(({ headers }) => headers['idempotency-replayed'] === undefined).length,
      1,
    )
    t.match(await world.lot(itemId), { bidCount: 1, sequence: 1 })
  })

  t.test('another body under the key is 422 and changes nothing', async (t) => {
    const { itemId } = await world.putTerms()
    await world.bid(itemId, ann, '25.00', { key: 'k-body' })
    const other = await world.bid(itemId, ann, '26.00', { key: 'k-body' })
    t.match(other, { statusCode: 422, body: { code: 'bid.idempotency_key_reused' } })
    t.match(await world.lot(itemId), { bidCount: 1 })
    t.equal(
      (await world.bid(itemId, randomUUID(), '26.00', { key: 'k-body' })).statusCode,
      201,
      'keys are per bidder',
    )
  })

  t.test('one key on two lots in the same instant is one bid', async (t) => {
    const [one, two] = [await world.putTerms(), await world.putTerms()]
    const answers = await Promise.all([
      world.bid(one.itemId, ann, '25.00', { key: 'k-two' }),
      world.bid(two.itemId, ann, '25.00', { key: 'k-two', app: replica }),
    ])
    t.strictSame(answers.map(({ statusCode }) => statusCode).sort(), [201, 422])
    const counts = [await world.lot(one.itemId), await world.lot(two.itemId)].map(
      ({ bidCount }) => bidCount,
    )
    t.strictSame(counts.sort(), [0, 1])
  })

  t.test('a refusal is an answer too: it is repeated although the lot has moved on', async (t) => {
    const { itemId } = await world.putTerms()
    const refused = await world.bid(itemId, ann, '9.00', { key: 'k-low' })
    t.equal(refused.body.code, 'bid.too_low')
    await world.bid(itemId, randomUUID(), '15.00')
    const again = await world.bid(itemId, ann, '9.00', { key: 'k-low' })
    t.strictSame({ ...again.body, traceId: '' }, { ...refused.body, traceId: '' })
  })

  /** Bids twice, the second time within three seconds; returns the lot. */
  const doubleClick = async (t: Test, app?: App) => {
    for (;;) {
      const { itemId } = await world.putTerms()
      const first = await world.bid(itemId, ann, '25.00')
      const second = await world.bid(itemId, ann, '25.00', app === undefined ? {} : { app })
      if (!(await world.isRecent(itemId))) continue
      t.strictSame(second.body, first.body)
      t.match(await world.lot(itemId), { bidCount: 1 })
      return itemId
    }
  }

  t.test('without a key a double click within three seconds is one bid', async (t) => {
    const itemId = await doubleClick(t)
    await world.pool.query('alter table bids disable trigger bids_append_only')
    await world.pool.query(
      `update bids set recorded_at = clock_timestamp() - interval '4 s' where item_id = $1`,
      [itemId],
    )
    await world.pool.query('alter table bids enable trigger bids_append_only')
    t.equal(
      (await world.bid(itemId, ann, '25.00')).body.code,
      'bid.too_low',
      'later it is a new bid',
    )
  })

  t.test('a double click over two processes is one bid', (t) => doubleClick(t, replica))

  t.test('after a crash between commit and reply, a retry gets the original answer', async (t) => {
    const { itemId } = await world.putTerms()
    const original = await world.bid(itemId, ann, '25.00', { key: 'k-crash' })
    const restarted = await world.replica()
    const retried = await world.bid(itemId, ann, '25.00', { key: 'k-crash', app: restarted })
    t.strictSame(retried.body, original.body)
  })
})

t.test('the ledger can be neither changed nor deleted', async (t) => {
  const world = await createWorld(t)
  const { itemId } = await world.putTerms()
  await world.bid(itemId, randomUUID(), '25.00')
  await t.rejects(world.pool.query('update bids set max_amount = 1'), /append-only/)
  await t.rejects(world.pool.query('delete from bids'), /append-only/)
})

t.test('refusals', async (t) => {
  const world = await createWorld(t)
  const ann = randomUUID()
  const count = async (table: string) => {
    const { rows } = await world.pool.query(`select count(*)::int as count from ${table}`)
    return rows[0].count
  }
  const purge = (retentionDays: number) =>
    createTimers({
      db: world.db,
      events: createBidEvents({ legacyAlias: false }),
      settings: createBidSettings(),
      windows: OFFER_WINDOWS,
      log: createLogger('bid', 'silent'),
      metrics: createCloserMetrics(createRegistry('bid')),
      refusedRetentionDays: retentionDays,
      outageExtensionMs: 0,
    })
      .find(({ name }) => name === 'purge')
      ?.run()
  /** As a former version stored it. */
  const refuseAsBefore = (itemId: string, key: string, hash: string, ageDays: number) =>
    world.pool.query(
      `insert into bids (id, item_id, bidder_id, kind, outcome, max_amount, refusal_code,
         refusal_details, idempotency_key, request_hash, decided_at, recorded_at)
       select gen_random_uuid(), $1, $2, 'manual', 'refused', 900, 'bid.too_low',
         '{"minNextBid":"10.00"}', $3, $4, at, at
       from (select clock_timestamp() - make_interval(days => $5) as at) age`,
      [itemId, ann, key, hash, ageDays],
    )

  t.test('without a key are not stored, and with a key not in the ledger', async (t) => {
    const { itemId } = await world.putTerms()
    t.equal((await world.bid(itemId, ann, '1.00')).body.code, 'bid.too_low')
    t.equal(await count('refusals'), 0)
    t.equal((await world.bid(itemId, ann, '1.00', { key: 'k-1' })).body.code, 'bid.too_low')
    t.equal(await count('refusals'), 1)
    t.equal(await count('bids'), 0)
  })

  t.test('another body under the key of a refusal is 422, also on another lot', async (t) => {
    const [one, two] = [await world.putTerms(), await world.putTerms()]
    await world.bid(one.itemId, ann, '1.00', { key: 'k-refused' })
    for (const { itemId } of [one, two]) {
      const other = await world.bid(itemId, ann, '26.00', { key: 'k-refused' })
      t.match(other, { statusCode: 422, body: { code: 'bid.idempotency_key_reused' } })
    }
  })

  t.test('of a former version are answers too, until they are old', async (t) => {
    const { itemId } = await world.putTerms()
    const hash = requestHash({ itemId, maxAmount: '25.00' })
    await refuseAsBefore(itemId, 'k-former', hash, 8)
    const again = await world.bid(itemId, ann, '25.00', { key: 'k-former' })
    t.equal(again.body.code, 'bid.too_low', 'although it would be accepted now')
    await purge(9)
    t.equal(await count(`bids where outcome = 'refused'`), 1)
    await purge(7)
    t.equal(await count(`bids where outcome = 'refused'`), 0)
    t.equal((await world.bid(itemId, ann, '25.00', { key: 'k-former' })).statusCode, 201)
  })

  t.test('give way to what a former version accepted under the same key', async (t) => {
    const { itemId } = await world.putTerms()
    await world.bid(itemId, ann, '1.00', { key: 'k-both' })
    const hash = requestHash({ itemId, maxAmount: '1.00' })
    await world.pool.query(
      `insert into bids (id, item_id, bidder_id, kind, outcome, max_amount, price, min_next_bid,
         bid_count, reserve_met, ends_at, extended, sequence, idempotency_key, request_hash,
         decided_at, recorded_at)
       select gen_random_uuid(), $1, $2, 'proxy', 'leading', 100, 100, 150, 1, true, now(), false, 1,
         'k-both', $3, now(), now()`,
      [itemId, ann, hash],
    )
    const again = await world.bid(itemId, ann, '1.00', { key: 'k-both' })
    t.match(again, { statusCode: 201, headers: { 'idempotency-replayed': 'true' } })
  })

  t.test(
    'are dropped by the week, and weeks to come are added by any number of workers',
    async (t) => {
      const weeks = async () => {
        const { rows } = await world.pool.query<{ name: string }>(
          `select relname as name from pg_class where relname ~ '^refusals_\\d+$' and relkind = 'r'
         order by relname`,
        )
        return rows.map(({ name }) => name)
      }
      /** The last week, this one and the next four. */
      const byClock = async () => {
        const { rows } = await world.pool.query<{ name: string }>(
          `select 'refusals_' || to_char(date_trunc('week', clock_timestamp() at time zone 'UTC')
             + n * interval '1 week', 'YYYYMMDD') as name from generate_series(-1, 4) n`,
        )
        return rows.map(({ name }) => name)
      }
      const { itemId } = await world.putTerms()
      await world.bid(itemId, ann, '1.00', { key: 'k-kept' })
      for (;;) {
        const [last, ...wanted] = await byClock()
        // The migration may have been in the week before.
        await purge(7)
        await world.pool.query(
          `select add_refusals_week('2024-01-01'), add_refusals_week('2024-01-08')`,
        )
        await world.pool.query(`drop table ${wanted[3]}, ${wanted[4]}`)
        await Promise.all([purge(7), purge(7), purge(7)])
        await purge(7)
        const kept = (await weeks()).filter((name) => name !== last)
        const [still] = await byClock()
        // A week began meanwhile.
        if (still !== last) continue
        t.strictSame(kept, wanted, 'old ones are gone, missing ones there')
        break
      }
      t.equal(
        (await world.bid(itemId, ann, '1.00', { key: 'k-kept' })).headers['idempotency-replayed'],
        'true',
      )
    },
  )

  t.test('are stored although their week has no partition, and go when they are old', async (t) => {
    const { rows } = await world.pool.query<{ name: string }>(
      `select tableoid::regclass::text as name from refusals limit 1`,
    )
    await world.pool.query(`drop table ${rows[0]?.name}`)
    const { itemId } = await world.putTerms()
    await world.bid(itemId, ann, '1.00', { key: 'k-default' })
    t.equal(await count('refusals_default'), 1)
    await purge(7)
    t.equal(await count('refusals_default'), 1, 'its week cannot be added, and that harms nothing')
    await world.pool.query(`update refusals set recorded_at = recorded_at - interval '60 days'`)
    await purge(7)
    t.equal(await count('refusals'), 0)
  })

  t.test('are left alone while something reads them, and bids do not wait for that', async (t) => {
    await world.pool.query(`select add_refusals_week('2024-01-01')`)
    const reader = await world.pool.connect()
    await reader.query('begin; select from refusals')
    await purge(7)
    t.equal(await count(`pg_class where relname = 'refusals_20240101'`), 1)
    await reader.query('commit')
    reader.release()
    await purge(7)
    t.equal(await count(`pg_class where relname = 'refusals_20240101'`), 0)
  })
})
