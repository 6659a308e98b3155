import { createRegistry } from '@auction/common/telemetry/metrics.ts'
import t from 'tap'
import { checkWords } from '#src/app/moderation/check-words.ts'
import { createModerationMetrics } from '#src/app/moderation/metrics.ts'
import { IDLE_MS, sweepRemovals } from '#src/app/moderation/remove-item.ts'
import { readWordList } from '#src/domain/words.ts'
import { countOpenReports } from '#src/infra/postgres/moderation/reports.ts'
import {
  build,
  call,
  createDraft,
  createPublished,
  type Fixture,
  writtenEvents,
} from '#test/helper.ts'

const ITEMS = '/api/v1/items'
const DESK = '/api/v1/moderation'

function people(fixture: Fixture) {
  const { identity, seller } = fixture
  return { seller, ann: identity.person(), moderator: identity.person(['user', 'moderator']) }
}

const act = (fixture: Fixture, path: string, reason = 'Not allowed here.') =>
  call(fixture, 'POST', `${DESK}/${path}`, {
    as: fixture.identity.person(['moderator']),
    body: { reason },
  })

const queue = async (fixture: Fixture, query = '') =>
  (await call(fixture, 'GET', `${DESK}/reports${query}`, { as: people(fixture).moderator })).body

const report = (fixture: Fixture, path: string, as = fixture.identity.person(), body = {}) =>
  call(fixture, 'POST', `${ITEMS}/${path}/report`, { as, body: { reason: 'spam', ...body } })

t.test('a report waits in the queue until a moderator decides, and stays one report', async (t) => {
  const fixture = await build(t)
  const { ann } = people(fixture)
  const id = await createPublished(fixture)
  const [first, ...others] = await Promise.all(
    Array.from({ length: 10 }, () => report(fixture, id, ann, { note: ' It is tin. ' })),
  )
  t.match(first, { statusCode: 201, body: { itemId: id, commentId: null, state: 'open' } })
  t.ok(others.every(({ body }) => body.id === first?.body.id))
  t.match(await queue(fixture), {
    totalItems: 1,
    items: [{ itemId: id, itemName: 'Silver spoon', note: 'It is tin.', reporterId: ann.id }],
  })
  t.equal((await act(fixture, `reports/${first?.body.id}/dismiss`)).statusCode, 204)
  t.match(await act(fixture, `reports/${first?.body.id}/dismiss`), {
    statusCode: 409,
    body: { code: 'moderation.report_decided' },
  })
  t.match(await queue(fixture), { totalItems: 0 })
  t.match(await queue(fixture, '?state=dismissed'), { totalItems: 1 })
  t.not((await report(fixture, id, ann)).body.id, first?.body.id, 'a new one afterwards')
})

t.test('moderators read the queue by reason, with counts of all, and one report', async (t) => {
  const fixture = await build(t)
  const { ann, moderator } = people(fixture)
  const [first, second] = [await createPublished(fixture), await createPublished(fixture)]
  const spam = await report(fixture, first, ann)
  await report(fixture, second, ann)
  await report(fixture, second, fixture.identity.person(), { reason: 'counterfeit' })
  const of = await queue(fixture, '?reason=spam&limit=1')
  t.match(of, { counts: { spam: 2, counterfeit: 1 }, totalItems: 2, totalPages: 2 })
  t.strictSame(
    (of.items as { itemId: string }[]).map(({ itemId }) => itemId),
    [first],
    'the oldest first',
  )
  t.match(await queue(fixture, '?reason=offensive'), { totalItems: 0, items: [] })
  const one = `${DESK}/reports/${spam.body.id}`
  t.match(await call(fixture, 'GET', one, { as: moderator }), {
    statusCode: 200,
    body: { id: spam.body.id, itemId: first, reason: 'spam', state: 'open', comment: null },
  })
  await act(fixture, `reports/${spam.body.id}/dismiss`)
  t.match((await call(fixture, 'GET', one, { as: moderator })).body, { state: 'dismissed' })
  t.match(await queue(fixture), { counts: { spam: 1, counterfeit: 1 }, totalItems: 2 })
  t.equal((await call(fixture, 'GET', one, { as: ann })).statusCode, 403)
  t.match(await call(fixture, 'GET', `${DESK}/reports/${first}`, { as: moderator }), {
    statusCode: 404,
    body: { code: 'moderation.report_not_found' },
  })
})

t.test('a removed item is hidden from all except its seller and the moderators', async (t) => {
  const fixture = await build(t)
  const { ann, seller, moderator } = people(fixture)
  const id = await createPublished(fixture)
  await report(fixture, id)
  t.equal((await act(fixture, `items/${id}/remove`, 'A forgery.')).statusCode, 204)
  t.equal((await act(fixture, `items/${id}/remove`)).statusCode, 204, 'again changes nothing')
  for (const path of ['', '/comments', '/attributes', '/images']) {
    for (const as of [undefined, ann]) {
      t.match(await call(fixture, 'GET', `${ITEMS}/${id}${path}`, { as }), {
        statusCode: 404,
        body: { code: 'item.removed' },
      })
    }
    for (const as of [seller, moderator]) {
      t.equal((await call(fixture, 'GET', `${ITEMS}/${id}${path}`, { as })).statusCode, 200, path)
    }
  }
  const shown = await call(fixture, 'GET', `${ITEMS}/${id}`, { as: seller })
  t.match(shown.body, { status: 'removed', removal: { reason: 'A forgery.' } })
  for (const path of ['/search', '']) {
    t.strictSame((await call(fixture, 'GET', `${ITEMS}${path}`)).body.items, [])
  }
  t.match(await report(fixture, id), { statusCode: 404, body: { code: 'item.removed' } })
  t.match(await queue(fixture, '?state=upheld'), { totalItems: 1 })
  const events = await writtenEvents(fixture.database, id)
  t.match(events.at(-1), { key: 'item.removed.v1', payload: { reason: 'A forgery.' } })
  t.equal(events.at(-1)?.sequence, events.length, 'numbered without a gap')
})

t.test('the lot of a removed item is cancelled, also when bid is down at first', async (t) => {
  const fixture = await build(t)
  const { bid, dependencies } = fixture
  const [one, other] = [await createPublished(fixture), await createPublished(fixture)]
  t.equal((await act(fixture, `items/${one}/remove`)).statusCode, 204)
  t.equal(bid.lots.get(one)?.isCancelled, true)
  bid.mode = 'down'
  t.equal((await act(fixture, `items/${other}/remove`)).statusCode, 204)
  t.match(await act(fixture, `items/${other}/restore`), {
    statusCode: 409,
    body: { code: 'moderation.in_progress' },
  })
  bid.mode = 'up'
  t.ok(IDLE_MS > 2_000, 'longer than a request waits for bid')
  t.equal(
    await sweepRemovals(dependencies, 3_600_000),
    0,
    'not while the request may still be at it',
  )
  t.equal(await sweepRemovals(dependencies, 0), 1)
  t.equal(await sweepRemovals(dependencies, 0), 0)
  t.equal(bid.lots.get(other)?.isCancelled, true)
})

t.test('a restored item is what it was, or what its end made of it', async (t) => {
  const fixture = await build(t)
  const { pool } = fixture.database
  const statusOf = async (id: string) =>
    (await call(fixture, 'GET', `${ITEMS}/${id}`, { as: fixture.seller })).body.status
  const expired = await createPublished(fixture)
  await pool.query(`update items set status = 'expired', outcome = 'no_bids' where id = $1`, [
    expired,
  ])
  const running = await createPublished(fixture)
  for (const id of [expired, running]) await act(fixture, `items/${id}/remove`)
  t.equal((await act(fixture, `items/${expired}/restore`)).statusCode, 204)
  t.equal(await statusOf(expired), 'expired')
  t.match(await act(fixture, `items/${expired}/restore`), {
    statusCode: 409,
    body: { code: 'moderation.not_removed' },
  })
  // As the consumer of bid.closed writes it, which test/app/consumers shows.
  await pool.query(`update items set outcome = 'cancelled' where id = $1`, [running])
  t.equal((await act(fixture, `items/${running}/restore`)).statusCode, 204)
  t.equal(await statusOf(running), 'cancelled', 'its bids are void')
  const { body } = await call(fixture, 'GET', `${DESK}/actions?itemId=${running}`, {
    as: people(fixture).moderator,
  })
  t.match(body.items, [{ action: 'item_restored' }, { action: 'item_removed' }])
  const events = await writtenEvents(fixture.database, expired)
  t.match(events.map(({ key }) => key).slice(-3), [
    'item.removed.v1',
    'item.restored.v1',
    'item.updated.v1',
  ])
  t.equal(events.at(-1)?.sequence, events.length, 'numbered without a gap')
})

t.test(
  'a comment is removed with a reason and restored, unless its author deleted it',
  async (t) => {
    const fixture = await build(t)
    const { ann } = people(fixture)
    const itemId = await createPublished(fixture)
    const write = async () =>
      (
        await call(fixture, 'POST', `${ITEMS}/${itemId}/comments`, {
          as: ann,
          body: { content: 'Buy mine.' },
        })
      ).body.id
    const [bad, deleted] = [await write(), await write()]
    t.equal((await report(fixture, `${itemId}/comments/${bad}`)).statusCode, 201)
    t.match((await queue(fixture)).items, [{ comment: { id: bad, content: 'Buy mine.' } }])
    t.equal((await act(fixture, `comments/${bad}/remove`)).statusCode, 204)
    t.match(await queue(fixture), { totalItems: 0 })
    const shown = async () =>
      (
        (await call(fixture, 'GET', `${ITEMS}/${itemId}/comments`)).body.items as {
          id: string
          content: string
        }[]
      ).find(({ id }) => id === bad)?.content
    t.equal(await shown(), '')
    t.match(await report(fixture, `${itemId}/comments/${bad}`), {
      statusCode: 404,
      body: { code: 'item.report.comment_not_found' },
    })
    t.equal((await act(fixture, `comments/${bad}/restore`)).statusCode, 204)
    t.equal(await shown(), 'Buy mine.')
    await call(fixture, 'DELETE', `${ITEMS}/${itemId}/comments/${deleted}`, { as: ann })
    t.match(await act(fixture, `comments/${deleted}/restore`), { statusCode: 409 })
    t.match(await act(fixture, `comments/${deleted}/remove`), {
      statusCode: 409,
      body: { code: 'moderation.taken_away' },
    })
  },
)

t.test('only moderators and administrators may moderate', async (t) => {
  const fixture = await build(t)
  const id = await createPublished(fixture)
  const calls = [
    ['GET', 'reports'],
    ['GET', 'actions'],
    ['POST', `items/${id}/remove`],
    ['POST', `items/${id}/restore`],
    ['POST', `comments/${id}/remove`],
    ['POST', `comments/${id}/restore`],
    ['POST', `reports/${id}/dismiss`],
  ] as const
  for (const [method, path] of calls) {
    const body = method === 'POST' ? { body: { reason: 'x' } } : {}
    t.equal((await call(fixture, method, `${DESK}/${path}`, body)).statusCode, 401, path)
    const refused = await call(fixture, method, `${DESK}/${path}`, { as: fixture.seller, ...body })
    t.match(refused, { statusCode: 403, body: { code: 'moderation.forbidden' } }, path)
  }
  const admin = fixture.identity.person(['admin'])
  t.equal((await call(fixture, 'GET', `${DESK}/reports`, { as: admin })).statusCode, 200)
})

t.test('malformed requests are refused and store nothing', async (t) => {
  const fixture = await build(t)
  const { ann, seller } = people(fixture)
  const [id, draft] = [await createPublished(fixture), await createDraft(fixture)]
  for (const body of [
    { reason: 'words' },
    { reason: 'boring' },
    { note: 'a\0b' },
    { note: 'x'.repeat(1_001) },
    { note: '\ud800' },
    { reporterId: seller.id },
  ]) {
    t.equal(
      (await report(fixture, id, ann, body)).statusCode,
      400,
      JSON.stringify(body).slice(0, 40),
    )
  }
  t.match(await report(fixture, id, seller), { statusCode: 409, body: { code: 'item.report.own' } })
  for (const path of [draft, ann.id]) {
    t.match(await report(fixture, path), {
      statusCode: 404,
      body: { code: 'item.report.item_not_found' },
    })
  }
  t.equal((await report(fixture, `${id}/comments/${ann.id}`)).statusCode, 404)
  for (const reason of ['', ' \u200b ', 'a\0b', 'x'.repeat(1_001)]) {
    t.equal((await act(fixture, `items/${id}/remove`, reason)).statusCode, 400)
  }
  t.match(await act(fixture, `items/${draft}/remove`), {
    statusCode: 404,
    body: { code: 'moderation.item_not_found' },
  })
  t.equal((await act(fixture, `comments/${id}/remove`)).statusCode, 404)
  t.equal((await act(fixture, `reports/${id}/dismiss`)).statusCode, 404)
  t.equal((await act(fixture, 'items/1/remove')).statusCode, 400)
  const { rows } = await fixture.database.pool.query(
    'select (select count(*)::int from reports) as reports, count(*)::int as actions from moderation_actions',
  )
  t.strictSame({ ...rows[0] }, { reports: 0, actions: 0 })
})

t.test('a user may send twenty reports in ten minutes, also all at once', async (t) => {
  const fixture = await build(t)
  const { ann } = people(fixture)
  const ids = await Promise.all(Array.from({ length: 25 }, () => createPublished(fixture)))
  const answers = await Promise.all(ids.map((id) => report(fixture, id, ann)))
  t.equal(answers.filter(({ statusCode }) => statusCode === 201).length, 20)
  const refused = answers.findIndex(({ statusCode }) => statusCode === 429)
  t.match(answers[refused], { body: { code: 'item.report.too_many' } })
  await fixture.database.pool.query(
    `update reports set created_at = created_at - interval '2 minutes'`,
  )
  const again = await report(fixture, ids[refused] ?? '', ann)
  const wait = Number(again.headers['retry-after'])
  t.ok(wait > 60 && wait <= 480, 'until the first of them is ten minutes old')
})

t.test('what moderators did cannot be changed', async (t) => {
  const fixture = await build(t)
  const id = await createPublished(fixture)
  await act(fixture, `items/${id}/remove`)
  for (const statement of [
    `update moderation_actions set reason = 'x'`,
    'delete from moderation_actions',
    'truncate moderation_actions',
  ]) {
    await t.rejects(fixture.database.pool.query(statement), { code: '23001' }, statement)
  }
})

t.test('words of the list make a report, and block nothing', async (t) => {
  const fixture = await build(t)
  const { db, database } = fixture
  const words = readWordList(' ivory, Élite fake ')
  const id = await createPublished(fixture, {
    name: 'An IVORY comb',
    description: 'No ivorytower.',
  })
  await createPublished(fixture, { description: 'ivories and an elitefake' })
  await createDraft(fixture, { name: 'ivory' })
  await call(fixture, 'POST', `${ITEMS}/${id}/comments`, {
    as: people(fixture).ann,
    body: { content: 'An elite  FAKE!' },
  })
  const [one, other] = await Promise.all([checkWords(db, words), checkWords(db, words)])
  t.equal(one + other, 3, 'drafts are not checked')
  t.match(await queue(fixture), {
    totalItems: 2,
    items: [
      { itemId: id, reason: 'words', reporterId: null },
      { itemId: id, reason: 'words', reporterId: null },
    ],
  })
  const notes = ((await queue(fixture)).items as { note: string }[]).map(({ note }) => note).sort()
  t.strictSame(notes, ['ivory', 'Élite fake'].sort())
  await database.pool.query('update items set description = name where id = $1', [id])
  t.equal(await checkWords(db, words), 1, 'a change is looked at')
  t.match(await queue(fixture), { totalItems: 2 }, 'and asks the open question once')
  t.equal(await checkWords(db, words), 0)
  t.strictSame(readWordList('').find('a replica'), ['replica'])
  t.strictSame(
    readWordList('').find('re\u200bpli\u00adca\ufe0f'),
    ['replica'],
    'nothing unseen hides it',
  )
  t.strictSame(readWordList('-').find('a replica'), [])
  const registry = createRegistry('auction')
  createModerationMetrics(registry).open(await countOpenReports(db))
  t.match(await registry.metrics(), /auction_reports_open\{by="words",service="auction"\} 2/)
})
