import { randomUUID } from 'node:crypto'
import { readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { userDeleted } from '@auction/common/contracts/identity.ts'
import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import { ownTrace } from '@auction/common/telemetry/tracing.ts'
import t from 'tap'
import { eraseDepartedUsers } from '#src/app/departures/erase-departed-users.ts'
import { deleteDueObjects } from '#src/app/images/delete-objects.ts'
import { copyObjects } from '#src/app/relisting/copy-images.ts'
import { createRelistMetrics } from '#src/app/relisting/metrics.ts'
import { relistDueItems } from '#src/app/relisting/relist-due-items.ts'
import { relistItem } from '#src/app/relisting/relist-item.ts'
import { IMAGE_SIZES, objectKey } from '#src/domain/image.ts'
import { claimDeletions, finishDeletion } from '#src/infra/postgres/images/image-deletions.ts'
import { consume, event, history } from '#test/bid-history.ts'
import {
  build,
  call,
  createPublished,
  type Fixture,
  inMinutes,
  writtenEvents,
} from '#test/helper.ts'
import { picture, upload } from '#test/images.ts'

const show = async (fixture: Fixture, id: string) =>
  (await call(fixture, 'GET', `/api/v1/items/${id}`, { as: fixture.seller })).body

const relist = (
  fixture: Fixture,
  id: string,
  { body = {}, key }: { body?: object; key?: string } = {},
) =>
  call(fixture, 'POST', `/api/v1/items/${id}/relist`, {
    as: fixture.seller,
    body,
    ...(key === undefined ? {} : { headers: { 'idempotency-key': key } }),
  })

const plan = (fixture: Fixture, id: string, body: object) =>
  call(fixture, 'PUT', `/api/v1/items/${id}/auto-relist`, { as: fixture.seller, body })

/** Another run of the timer, and what it counts. */
const run = async ({ dependencies }: Fixture, idleMs = 0) =>
  relistDueItems(
    { ...dependencies, observe: createRelistMetrics(createRegistry('auction')) },
    idleMs,
  )

async function unsold(
  fixture: Fixture,
  outcome: 'no_bids' | 'reserve_not_met' = 'no_bids',
  changes: Record<string, unknown> = {},
): Promise<string> {
  const id = await createPublished(fixture, changes)
  await end(fixture, id, outcome)
  return id
}

const end = (
  fixture: Fixture,
  itemId: string,
  outcome: 'no_bids' | 'reserve_not_met',
  round = 1,
) => {
  const steps = outcome === 'no_bids' ? [] : [{ price: '110.00' }]
  const { events } = history({ itemId, endDate: inMinutes(24 * 60), steps, outcome, round })
  return consume(fixture.dependencies, events)
}

const keys = async ({ database }: Fixture, id: string) =>
  (await writtenEvents(database, id)).map(({ key }) => key)

t.test('an item that was not sold goes into a new round, as an item of its own', async (t) => {
  const fixture = await build(t)
  const { app, seller } = fixture
  const id = await createPublished(fixture, { reservePrice: '150.00' })
  await upload(fixture, seller, id, { bytes: await picture('png') })
  const watcher = fixture.identity.person()
  await call(fixture, 'PUT', `/api/v1/items/${id}/watch`, { as: watcher })
  t.match(await relist(fixture, id), { statusCode: 409, body: { code: 'item.not_relistable' } })
  await end(fixture, id, 'reserve_not_met')
  const old = await show(fixture, id)
  const { statusCode, body, headers } = await relist(fixture, id, { body: { startPrice: '50.00' } })
  t.equal(statusCode, 201)
  t.equal(headers.location, `/api/v1/items/${body.id}`)
  t.match(body, {
    status: 'active',
    round: 2,
    relistOf: id,
    startPrice: '50.00',
    reservePrice: '150.00',
    bidCount: 0,
    name: old.name,
  })
  const lasts = Date.parse(String(body.endDate)) - Date.parse(String(body.startDate))
  t.equal(lasts, Date.parse(String(old.originalEndDate)) - Date.parse(String(old.startDate)))
  t.match(await show(fixture, id), { status: 'expired', round: 1, relistedAs: body.id })
  t.match(fixture.bid.lots.get(body.id), { terms: { round: 2, startPrice: '50.00' } })
  t.strictSame((await keys(fixture, body.id)).slice(0, 3), [
    'item.created.v1',
    'item.published.v1',
    'item.updated.v1',
  ])
  const [relisted, watched] = (await writtenEvents(fixture.database, id)).slice(-2)
  t.match(relisted, {
    key: 'item.relisted.v1',
    payload: { newItemId: body.id, round: 2, isAutomatic: false },
  })
  t.match(watched, { key: 'item.watched.relisted.v1', payload: { userIds: [watcher.id] } })
  // The pictures of each round are its own: what becomes of one changes nothing of the other.
  const [before] = old.images as { id: string; urls: { small: string } }[]
  const [after] = (await show(fixture, body.id)).images as typeof old.images & (typeof before)[]
  const status = async (image: typeof before) =>
    (await app.inject({ url: String(image?.urls.small) })).statusCode
  t.not(after?.id, before?.id)
  t.equal(await status(after), 200)
  await call(fixture, 'DELETE', `/api/v1/items/${body.id}/images/${after?.id}`, { as: seller })
  await deleteDueObjects({ db: fixture.db, storage: fixture.dependencies.images })
  t.equal(await status(after), 404)
  t.equal(await status(before), 200)
  t.match(await relist(fixture, id), { statusCode: 409, body: { code: 'item.not_relistable' } })
})

t.test('who may relist what, and what may change', async (t) => {
  const fixture = await build(t)
  const id = await unsold(fixture)
  const other = fixture.identity.person()
  const path = `/api/v1/items/${id}/relist`
  t.match(await call(fixture, 'POST', path, { as: other, body: {} }), { statusCode: 403 })
  t.match(await call(fixture, 'POST', path.replace(id, randomUUID()), { as: other, body: {} }), {
    statusCode: 404,
  })
  t.match(await relist(fixture, id, { body: { startPrice: '10.001' } }), {
    statusCode: 422,
    body: { details: { field: 'startPrice' } },
  })
  t.match(await relist(fixture, id, { body: { reservePrice: '1.00' } }), {
    statusCode: 422,
    body: { details: { field: 'reservePrice', reason: 'below_start_price' } },
  })
  t.match(await relist(fixture, id, { body: { endDate: inMinutes(1) } }), { statusCode: 400 })
  t.match(await relist(fixture, id, { key: 'not a key' }), { statusCode: 400 })
  fixture.bid.relisting = 'refused'
  t.match(await relist(fixture, id), { statusCode: 409, body: { code: 'item.not_relistable' } })
  fixture.bid.relisting = 'relisted'
  t.match(await relist(fixture, id), { statusCode: 201 }, 'nothing is left of the refusal')
})

t.test(
  'a relist that comes again is the same one, by its key or while it is under way',
  async (t) => {
    const fixture = await build(t)
    const id = await unsold(fixture)
    fixture.bid.mode = 'silent'
    t.match(await relist(fixture, id, { key: 'a' }), { statusCode: 503 })
    t.match(await show(fixture, id), { status: 'expired', relistedAs: undefined })
    fixture.bid.mode = 'up'
    const answers = await Promise.all([
      relist(fixture, id, { key: 'a' }),
      relist(fixture, id, { key: 'a' }),
      run(fixture),
    ])
    const ids = answers
      .slice(0, 2)
      .map((answer) => (typeof answer === 'number' ? '' : answer.body.id))
    t.equal(new Set(ids).size, 1)
    t.equal(ids[0], fixture.bid.relisted.get(id))
    t.equal((await keys(fixture, id)).filter((key) => key === 'item.relisted.v1').length, 1)
    t.equal((await keys(fixture, String(ids[0]))).length, 3)
    t.match(await relist(fixture, id, { key: 'a' }), { statusCode: 201, body: { id: ids[0] } })
    t.match(await relist(fixture, id, { key: 'b' }), { statusCode: 409 })
  },
)

t.test('what a seller asks for is done, or refused for another relist under way', async (t) => {
  const fixture = await build(t)
  const newItemOf = (id: string) => fixture.bid.relisted.get(id)
  const refusal = (id: string) => ({
    statusCode: 409,
    body: { code: 'item.not_relistable', details: { newItemId: newItemOf(id) } },
  })
  const automatic = await unsold(fixture)
  await plan(fixture, automatic, { times: 1 })
  fixture.bid.mode = 'silent'
  await run(fixture)
  fixture.bid.mode = 'up'
  const asked = await relist(fixture, automatic, { body: { startPrice: '50.00' } })
  t.match(asked, refusal(automatic))
  t.match(await show(fixture, automatic), { relistedAs: newItemOf(automatic) })
  const id = await unsold(fixture)
  fixture.bid.mode = 'silent'
  await relist(fixture, id, { key: 'a', body: { startPrice: '40.00' } })
  fixture.bid.mode = 'up'
  const changed = { key: 'a', body: { startPrice: '50.00' } }
  t.match(await relist(fixture, id, changed), refusal(id), 'while it is under way')
  t.match(await relist(fixture, id, changed), refusal(id), 'when it is done')
  t.match(await relist(fixture, id, { key: 'a', body: { startPrice: '40.00' } }), {
    statusCode: 201,
    body: { id: newItemOf(id), startPrice: '40.00' },
  })
  const interrupted = await unsold(fixture)
  await plan(fixture, interrupted, { times: 1 })
  fixture.bid.mode = 'down'
  await run(fixture)
  fixture.bid.mode = 'up'
  t.match(
    await relist(fixture, interrupted, { body: { startPrice: '50.00' } }),
    refusal(interrupted),
    'it is finished, though bid had not been asked',
  )
  // One that came to nothing does not end what is asked for now.
  const waiting = await unsold(fixture, 'reserve_not_met')
  await plan(fixture, waiting, { times: 1 })
  fixture.bid.mode = 'down'
  await run(fixture)
  fixture.bid.mode = 'up'
  fixture.bid.relisting = { outcome: 'later' }
  t.match(await relist(fixture, waiting, { body: { startPrice: '50.00' } }), {
    statusCode: 201,
    body: { id: newItemOf(waiting), startPrice: '50.00' },
  })
})

t.test(
  'where the seller role is required, who lost it puts nothing up for auction again',
  async (t) => {
    const built = await build(t, { isSellerRoleRequired: true })
    const seller = built.identity.person(['user', 'seller'])
    const fixture = { ...built, seller }
    const id = await unsold(fixture)
    const former = { ...built, seller: built.identity.person(['user'], seller.id) }
    const refused = { statusCode: 403, body: { code: 'item.publish.seller_role_required' } }
    t.match(await relist(former, id), refused)
    t.match(await plan(former, id, { times: 1 }), refused)
    t.equal((await plan(former, id, { times: 0 })).statusCode, 200, 'a plan may be given up')
    t.equal((await relist(fixture, id)).statusCode, 201)
  },
)

t.test('no round is published of what was removed meanwhile, until it is restored', async (t) => {
  const fixture = await build(t)
  const id = await unsold(fixture)
  fixture.bid.mode = 'silent'
  await relist(fixture, id, { key: 'a' })
  fixture.bid.mode = 'up'
  const moderator = fixture.identity.person(['moderator'])
  const act = (what: 'remove' | 'restore') =>
    call(fixture, 'POST', `/api/v1/moderation/items/${id}/${what}`, {
      as: moderator,
      body: { reason: 'counterfeit' },
    })
  t.match(await act('remove'), { statusCode: 204 })
  t.match(await relist(fixture, id, { key: 'a' }), { statusCode: 409 })
  t.equal(await run(fixture), 0)
  t.notOk((await show(fixture, id)).relistedAs)
  t.match(await act('restore'), { statusCode: 204 })
  t.equal(await run(fixture), 1)
  t.match(await show(fixture, id), { relistedAs: fixture.bid.relisted.get(id) })
})

t.test('no round is published of a seller who left meanwhile', async (t) => {
  const fixture = await build(t)
  const { seller, dependencies, database } = fixture
  const id = await unsold(fixture)
  fixture.bid.mode = 'silent'
  await relist(fixture, id, { key: 'a' })
  fixture.bid.mode = 'up'
  await consume(dependencies, [event(userDeleted, seller.id, { userId: seller.id }, 2)])
  t.equal(await run(fixture), 0)
  t.match(await relist(fixture, id, { key: 'a' }), { statusCode: 409 })
  t.notOk((await show(fixture, id)).relistedAs)
  const { rows } = await database.pool.query(
    'select item_id from relists where done_at is null and item_id = $1',
    [id],
  )
  t.strictSame(rows, [], 'it is not tried again')
})

t.test('a relist whose answer was lost is finished by the worker', async (t) => {
  const fixture = await build(t)
  const id = await unsold(fixture)
  fixture.bid.mode = 'silent'
  await relist(fixture, id)
  fixture.bid.mode = 'up'
  t.equal(await run(fixture, 60_000), 0, 'a request may still be at it')
  t.equal(await run(fixture), 1)
  t.match(await show(fixture, id), { relistedAs: fixture.bid.relisted.get(id) })
  t.equal(await run(fixture), 0)
})

t.test(
  'by itself an item is relisted as often as its seller chose, cheaper each time',
  async (t) => {
    const fixture = await build(t)
    const id = await createPublished(fixture, { reservePrice: '120.00', startPrice: '100.00' })
    t.match(await plan(fixture, id, { times: 2, priceDropPercent: 10 }), {
      statusCode: 200,
      body: { autoRelists: 2, relistPriceDropPercent: 10 },
    })
    const seen = (await call(fixture, 'GET', `/api/v1/items/${id}`)).body
    t.notOk('autoRelists' in seen, 'no bidder learns that it will be cheaper')
    t.equal(await run(fixture), 0, 'it runs')
    await end(fixture, id, 'no_bids')
    t.equal(await run(fixture), 1)
    const second = String((await show(fixture, id)).relistedAs)
    t.match(await show(fixture, second), {
      round: 2,
      startPrice: '90.00',
      reservePrice: '120.00',
      autoRelists: 1,
    })
    await end(fixture, second, 'no_bids', 1)
    t.match(await show(fixture, second), { status: 'active' }, 'that was the end of another round')
    t.equal(await run(fixture), 0)
    await end(fixture, second, 'no_bids', 2)
    t.equal(await run(fixture), 1)
    const third = String((await show(fixture, second)).relistedAs)
    t.match(await show(fixture, third), { round: 3, startPrice: '81.00', reservePrice: '120.00' })
    await end(fixture, third, 'no_bids', 3)
    t.equal(await run(fixture), 0, 'its seller chose two')
    t.match(await show(fixture, third), { status: 'expired', relistedAs: undefined })
  },
)

t.test('an automatic relist waits as bid says, and ends when bid refuses', async (t) => {
  const fixture = await build(t)
  const id = await createPublished(fixture, { reservePrice: '150.00' })
  await plan(fixture, id, { times: 1 })
  await end(fixture, id, 'reserve_not_met')
  fixture.bid.relisting = { outcome: 'later', notBefore: inMinutes(60) }
  t.equal(await run(fixture), 0)
  fixture.bid.relisting = 'relisted'
  t.equal(await run(fixture), 0, 'bid is not asked before')
  const pass = () =>
    fixture.database.pool.query(
      `update items set relist_after = relist_after - interval '2 hours' where id = $1`,
      [id],
    )
  await pass()
  fixture.bid.relisting = { outcome: 'later' }
  t.equal(await run(fixture), 0)
  await pass()
  fixture.bid.relisting = 'refused'
  t.equal(await run(fixture), 0)
  t.notOk('autoRelists' in (await show(fixture, id)))
  fixture.bid.relisting = 'relisted'
  await pass()
  t.equal(await run(fixture), 0)
  t.match(await relist(fixture, id), { statusCode: 201 }, 'by hand it is')
})

t.test('a plan waits while moderators hide the item', async (t) => {
  const fixture = await build(t)
  const id = await createPublished(fixture)
  await plan(fixture, id, { times: 1 })
  await end(fixture, id, 'no_bids')
  const moderator = fixture.identity.person(['moderator'])
  const act = (what: 'remove' | 'restore') =>
    call(fixture, 'POST', `/api/v1/moderation/items/${id}/${what}`, {
      as: moderator,
      body: { reason: 'counterfeit' },
    })
  // The worker has taken it when the moderator comes.
  const taken = {
    itemId: id,
    sellerId: fixture.seller.id,
    isAutomatic: true,
    changes: {},
    key: null,
  }
  t.match(await act('remove'), { statusCode: 204 })
  const trace = ownTrace('test')
  t.match(await relistItem(fixture.dependencies, { ...taken, trace }), { kind: 'held' })
  t.equal(await run(fixture), 0, 'it is not even looked for')
  t.match(await act('restore'), { statusCode: 204 })
  // Bid learns of it later than auction.
  fixture.bid.relisting = { outcome: 'later' }
  t.equal(await run(fixture), 0)
  fixture.bid.relisting = 'relisted'
  await fixture.database.pool.query(
    `update items set relist_after = relist_after - interval '1 minute' where id = $1`,
    [id],
  )
  t.equal(await run(fixture), 1)
})

t.test('a relist that bid knows and auction does not is done as that new item', async (t) => {
  const fixture = await build(t)
  for (const isAutomatic of [false, true]) {
    const id = await createPublished(fixture)
    if (isAutomatic) await plan(fixture, id, { times: 1 })
    await end(fixture, id, 'no_bids')
    // Another process asked for it, and was killed when a third had deleted the intent.
    const newItemId = randomUUID()
    fixture.bid.relisted.set(id, newItemId)
    if (isAutomatic) t.equal(await run(fixture), 1)
    else t.match(await relist(fixture, id), { statusCode: 201, body: { id: newItemId } })
    t.match(await show(fixture, id), { relistedAs: newItemId })
    t.match(await show(fixture, newItemId), { status: 'active', round: 2, relistOf: id })
    t.match(await relist(fixture, id, { key: 'b' }), {
      statusCode: 409,
      body: { code: 'item.not_relistable', details: { newItemId } },
    })
    const intents = async () => {
      const { rows } = await fixture.database.pool.query(
        'select new_item_id, done_at is not null as done from relists where item_id = $1',
        [id],
      )
      return rows
    }
    t.strictSame(await intents(), [{ new_item_id: newItemId, done: true }])
    // An intent that was recorded between the deletion of the first one and the new round.
    await fixture.database.pool.query(
      'update relists set new_item_id = $2, done_at = null where item_id = $1',
      [id, randomUUID()],
    )
    t.equal(await run(fixture), 0)
    t.strictSame(await intents(), [{ new_item_id: newItemId, done: true }], 'it is asked once')
  }
})

t.test('two processes that finish a relist which bid knows by another id make one', async (t) => {
  const fixture = await build(t)
  for (let round = 0; round < 20; round += 1) {
    const id = await unsold(fixture)
    const newItemId = randomUUID()
    fixture.bid.relisted.set(id, newItemId)
    const answers = await Promise.all([
      relist(fixture, id, { key: 'a' }),
      run(fixture),
      relist(fixture, id, { key: 'a' }),
    ])
    const [one, , other] = answers
    t.match([one, other], [{ body: { id: newItemId } }, { body: { id: newItemId } }])
    t.equal((await keys(fixture, id)).filter((key) => key === 'item.relisted.v1').length, 1)
  }
})

t.test('the plan has bounds, and is not made for what is over for good', async (t) => {
  const fixture = await build(t)
  const id = await createPublished(fixture)
  t.match(await plan(fixture, id, { times: 6 }), { statusCode: 400 })
  t.match(await plan(fixture, id, { times: 1, priceDropPercent: 51 }), {
    statusCode: 422,
    body: { details: { field: 'priceDropPercent', reason: 'too_much' } },
  })
  const as = fixture.identity.person()
  const path = `/api/v1/items/${id}/auto-relist`
  t.match(await call(fixture, 'PUT', path, { as, body: { times: 1 } }), { statusCode: 403 })
  await end(fixture, id, 'no_bids')
  t.match(await relist(fixture, id), { statusCode: 201 })
  t.match(await plan(fixture, id, { times: 1 }), {
    statusCode: 409,
    body: { code: 'item.not_relistable' },
  })
})

t.test('nothing of a seller who has left is relisted by itself', async (t) => {
  const fixture = await build(t)
  const { seller, dependencies } = fixture
  const id = await createPublished(fixture)
  await plan(fixture, id, { times: 1 })
  await end(fixture, id, 'no_bids')
  await consume(dependencies, [event(userDeleted, seller.id, { userId: seller.id }, 2)])
  t.equal(await run(fixture), 0)
  await eraseDepartedUsers(dependencies)
  t.notOk('autoRelists' in (await show(fixture, id)))
})

t.test('each try of a relist copies the pictures to the same places', async (t) => {
  const fixture = await build(t)
  const { database, dependencies, db } = fixture
  const pending = async () =>
    (await database.pool.query('select image_id from image_deletions order by image_id')).rows
  const id = await createPublished(fixture)
  for (let count = 0; count < 2; count += 1) {
    await upload(fixture, fixture.seller, id, { bytes: await picture('png') })
  }
  await end(fixture, id, 'no_bids')
  const newItemId = randomUUID()
  const source = { itemId: id, newItemId }
  const first = await copyObjects(dependencies, source)
  // Killed here, and here again.
  t.strictSame(await copyObjects(dependencies, source), first)
  t.equal((await pending()).length, 2)
  fixture.bid.relisted.set(id, newItemId)
  await relist(fixture, id)
  const images = (await show(fixture, newItemId)).images as { id: string }[]
  t.strictSame(
    images.map((image) => image.id),
    first === 'held' ? [] : first.map((image) => image.id),
  )
  // One that comes late, from a process that was held up, leaves nothing behind that is deleted later.
  t.strictSame(await copyObjects(dependencies, source), [])
  t.strictSame(await pending(), [])
  const files = await readdir(fixture.folder)
  t.equal(files.length, 4 * IMAGE_SIZES.length, 'two pictures of two rounds, and no orphan')
  t.equal(await deleteDueObjects({ db, storage: dependencies.images }), 0)
})

t.test('copies whose deletion has begun are made in other places', async (t) => {
  const fixture = await build(t)
  const { database, dependencies, db } = fixture
  const id = await createPublished(fixture)
  await upload(fixture, fixture.seller, id, { bytes: await picture('png') })
  await end(fixture, id, 'no_bids')
  const newItemId = randomUUID()
  const source = { itemId: id, newItemId }
  const abandoned = await copyObjects(dependencies, source)
  await database.pool.query(`update image_deletions set due_at = clock_timestamp()`)
  const [taken] = await claimDeletions(db, 10)
  t.strictSame([{ id: taken }], abandoned === 'held' ? [] : abandoned.map(({ id }) => ({ id })))
  fixture.bid.relisted.set(id, newItemId)
  await relist(fixture, id)
  // The worker that had taken them goes on.
  await dependencies.images.remove(IMAGE_SIZES.map((size) => objectKey(String(taken), size)))
  await finishDeletion(db, String(taken))
  const [image] = (await show(fixture, newItemId)).images as { urls: { large: string } }[]
  t.equal((await fixture.app.inject({ url: String(image?.urls.large) })).statusCode, 200)
})

t.test('nothing is copied of what moderators hide', async (t) => {
  const fixture = await build(t)
  const id = await createPublished(fixture)
  await upload(fixture, fixture.seller, id, { bytes: await picture('png') })
  await end(fixture, id, 'no_bids')
  fixture.bid.mode = 'silent'
  await relist(fixture, id, { key: 'a' })
  fixture.bid.mode = 'up'
  await call(fixture, 'POST', `/api/v1/moderation/items/${id}/remove`, {
    as: fixture.identity.person(['moderator']),
    body: { reason: 'counterfeit' },
  })
  t.match(await relist(fixture, id, { key: 'a' }), { statusCode: 409 })
  t.equal((await readdir(fixture.folder)).length, IMAGE_SIZES.length)
})

t.test('a picture that is lost holds up no relist', async (t) => {
  const fixture = await build(t)
  const id = await createPublished(fixture)
  const uploaded = await upload(fixture, fixture.seller, id, { bytes: await picture('png') })
  await upload(fixture, fixture.seller, id, { bytes: await picture('png') })
  await unlink(join(fixture.folder, `${uploaded.body.id}.large.webp`))
  await end(fixture, id, 'no_bids')
  const { body } = await relist(fixture, id)
  t.equal(((await show(fixture, body.id)).images as unknown[]).length, 1)
})
