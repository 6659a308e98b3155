import t from 'tap'
import {
  build,
  call,
  createDraft,
  createPublished,
  type Fixture,
  writtenEvents,
} from '#test/helper.ts'

const comments = (id: string) => `/api/v1/items/${id}/comments`

async function write(
  fixture: Fixture,
  itemId: string,
  as = fixture.identity.person(),
  body: Record<string, unknown> = { content: 'Nice.' },
) {
  return call(fixture, 'POST', comments(itemId), { as, body })
}

t.test('a question gets its answer, in a public thread', async (t) => {
  const fixture = await build(t)
  const itemId = await createPublished(fixture)
  const ann = fixture.identity.person()
  const asked = await write(fixture, itemId, ann, { content: ' Is it silver? ', kind: 'question' })
  t.match(asked, {
    statusCode: 201,
    body: { item_id: itemId, user_id: ann.id, parent_id: null, content: 'Is it silver?' },
  })
  const answered = await write(fixture, itemId, fixture.seller, {
    content: 'It is.',
    kind: 'answer',
    parent_id: asked.body.id,
  })
  t.match(answered, { statusCode: 201, body: { kind: 'answer', is_seller: true } })
  await write(fixture, itemId, ann, { content: 'Thank you.', parent_id: answered.body.id })
  await write(fixture, itemId)
  const { body } = await call(fixture, 'GET', `${comments(itemId)}?page=2&limit=1`)
  t.match(body, { page: 2, pageSize: 1, totalItems: 2, totalPages: 2 })
  t.match(body.items, [
    {
      id: asked.body.id,
      kind: 'question',
      replies: [
        { id: answered.body.id, parent_id: asked.body.id },
        { content: 'Thank you.', parent_id: answered.body.id },
      ],
    },
  ])
  const [created] = (await writtenEvents(fixture.database, itemId)).filter(
    ({ key }) => key === 'item.comment.created.v1',
  )
  t.match(created?.payload, {
    id: asked.body.id,
    itemId,
    authorId: ann.id,
    content: 'Is it silver?',
    kind: 'question',
    sellerId: fixture.seller.id,
  })
})

t.test(
  'seed bug 27: a parent under another item is not found, and replies outlive their parent',
  async (t) => {
    const fixture = await build(t)
    const [one, other] = [await createPublished(fixture), await createPublished(fixture)]
    const ann = fixture.identity.person()
    const parent = await write(fixture, other, ann)
    t.match(await write(fixture, one, ann, { content: 'Hm.', parent_id: parent.body.id }), {
      statusCode: 404,
      body: { code: 'item.comment.parent_not_found' },
    })
    const bob = fixture.identity.person()
    const reply = await write(fixture, other, bob, { content: 'Yes.', parent_id: parent.body.id })
    const gone = await call(fixture, 'DELETE', `${comments(other)}/${parent.body.id}`, { as: ann })
    t.equal(gone.statusCode, 204)
    const { body } = await call(fixture, 'GET', comments(other))
    t.match(body.items, [
      {
        id: parent.body.id,
        state: 'deleted',
        content: '',
        replies: [{ id: reply.body.id, content: 'Yes.' }],
      },
    ])
  },
)

t.test('only author, seller and moderators may remove a comment', async (t) => {
  const fixture = await build(t)
  const itemId = await createPublished(fixture)
  const [ann, bob] = [fixture.identity.person(), fixture.identity.person()]
  const moderator = fixture.identity.person(['user', 'moderator'])
  const remove = (id: string, as = bob) =>
    call(fixture, 'DELETE', `${comments(itemId)}/${id}`, { as })
  for (const [as, state] of [
    [ann, 'deleted'],
    [fixture.seller, 'hidden'],
    [moderator, 'removed'],
  ] as const) {
    const { body } = await write(fixture, itemId, ann)
    t.match(await remove(body.id), { statusCode: 403, body: { code: 'item.comment.forbidden' } })
    t.equal((await remove(body.id, as)).statusCode, 204)
    t.equal((await remove(body.id, ann)).statusCode, 204, 'again changes nothing')
    const list = await call(fixture, 'GET', comments(itemId))
    const shown = (list.body.items as { id: string; state: string }[]).find(
      ({ id }) => id === body.id,
    )
    t.equal(shown?.state, state)
  }
  const deleted = (await writtenEvents(fixture.database, itemId)).filter(
    ({ key }) => key === 'item.comment.deleted.v1',
  )
  t.strictSame(
    deleted.map(({ payload }) => payload.reason),
    ['deleted', 'hidden', 'removed'],
    'announced once each',
  )
  const elsewhere = await createPublished(fixture)
  const { body } = await write(fixture, itemId, ann)
  const foreign = await call(fixture, 'DELETE', `${comments(elsewhere)}/${body.id}`, { as: ann })
  t.match(foreign, { statusCode: 404, body: { code: 'item.comment.not_found' } })
})

t.test('no comment is stored under an item that is not public, or without a token', async (t) => {
  const fixture = await build(t)
  const draft = await createDraft(fixture)
  for (const as of [fixture.seller, fixture.identity.person()]) {
    t.match(await write(fixture, draft, as), {
      statusCode: 404,
      body: { code: 'item.comment.item_not_found' },
    })
  }
  t.equal((await call(fixture, 'GET', comments(draft))).statusCode, 404)
  const itemId = await createPublished(fixture)
  t.equal(
    (await call(fixture, 'POST', comments(itemId), { body: { content: 'x' } })).statusCode,
    401,
  )
  for (const body of [
    {},
    { content: '' },
    { content: ' \u200b ' },
    { content: 'a\0b' },
    { content: 'x'.repeat(2_001) },
    { content: 'x', kind: 'rant' },
    { content: 'x', parent_id: 'root' },
    { content: 'x', user_id: fixture.seller.id },
    { content: 'x', kind: 'answer' },
  ]) {
    const { statusCode, body: answer } = await write(fixture, itemId, undefined, body)
    t.equal(statusCode, 400, JSON.stringify(body).slice(0, 60))
    t.match(answer.code, /^(item\.comment\.validation_failed|request\.invalid_body)$/)
  }
})

t.test('a user may write twenty comments in ten minutes, also all at once', async (t) => {
  const fixture = await build(t)
  const itemId = await createPublished(fixture)
  const ann = fixture.identity.person()
  const answers = await Promise.all(Array.from({ length: 30 }, () => write(fixture, itemId, ann)))
  t.equal(answers.filter(({ statusCode }) => statusCode === 201).length, 20)
  const refused = answers.find(({ statusCode }) => statusCode === 429)
  t.match(refused, { body: { code: 'item.comment.too_many' } })
  await fixture.database.pool.query(
    `update comments set created_at = created_at - interval '2 minutes'`,
  )
  const wait = Number((await write(fixture, itemId, ann)).headers['retry-after'])
  t.ok(wait > 60 && wait <= 480, 'until the first of them is ten minutes old')
  t.equal((await write(fixture, itemId)).statusCode, 201, 'others may')
})
