import t from 'tap'
import { signUnsubscription } from '#src/infra/crypto/unsubscribe-token.ts'
import { deleted } from '#test/events.ts'
import { call, createWorld, type Person, UNSUBSCRIBE_KEY, type World } from '#test/helper.ts'

const PATH = '/api/v1/notifications/unsubscribe'
const PREFERENCES = '/api/v1/notifications/preferences'

const tokenFor = ({ id }: Person, categories = ['bidding'] as const) =>
  signUnsubscription(UNSUBSCRIBE_KEY, { userId: id, categories })

const open = (
  { app }: World,
  token: string,
  method: 'GET' | 'POST' = 'GET',
  form?: [string, string],
) =>
  app.inject({
    method,
    url: `${PATH}?token=${encodeURIComponent(token)}`,
    ...(form === undefined ? {} : { headers: { 'content-type': form[0] }, payload: form[1] }),
  })

const choicesOf = async (world: World, person: Person) =>
  (await call(world, 'GET', PREFERENCES, { as: person })).body.choices

t.test('opening the link changes nothing and asks; scanners open every link', async (t) => {
  const world = await createWorld(t)
  const ann = world.person()
  const before = await choicesOf(world, ann)
  const answer = await open(world, tokenFor(ann))
  t.equal(answer.statusCode, 200)
  t.match(answer.headers, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
  })
  t.match(answer.headers['content-security-policy'], "form-action 'self'")
  t.match(answer.body, 'Do you want no more mails about auctions that you bid in?')
  t.match(answer.body, '<form method="post"')
  t.same(await choicesOf(world, ann), before)
})

t.test('one click ends mails of that category, and nothing else', async (t) => {
  const world = await createWorld(t)
  const [ann, ben] = [world.person(), world.person()]
  const before = await choicesOf(world, ann)
  const form: [string, string] = ['application/x-www-form-urlencoded', 'List-Unsubscribe=One-Click']
  const answer = await open(world, tokenFor(ann), 'POST', form)
  t.equal(answer.statusCode, 200)
  t.match(answer.body, 'You get no more mails about auctions that you bid in.')
  const after = await choicesOf(world, ann)
  t.same(after, { ...before, bidding: { ...before.bidding, mail: 'off' } })
  t.same(await choicesOf(world, ben), before)
  t.equal((await open(world, tokenFor(ann), 'POST')).statusCode, 200, 'again is the same')
})

t.test('mail programs may send either kind of form, or none', async (t) => {
  const world = await createWorld(t)
  const boundary = 'x'
  const multipart = `--x\r\ncontent-disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n`
  for (const form of [
    [`multipart/form-data; boundary=${boundary}`, multipart],
    ['text/plain', 'List-Unsubscribe=One-Click'],
    undefined,
  ] as const) {
    const ann = world.person()
    const answer = await open(world, tokenFor(ann), 'POST', form as [string, string] | undefined)
    t.equal(answer.statusCode, 200)
    t.equal((await choicesOf(world, ann)).bidding.mail, 'off')
  }
  const large: [string, string] = ['application/x-www-form-urlencoded', 'a'.repeat(5_000)]
  t.equal((await open(world, tokenFor(world.person()), 'POST', large)).statusCode, 413)
})

t.test('a link that was changed, cut or made by another does nothing', async (t) => {
  const world = await createWorld(t)
  const [ann, ben] = [world.person(), world.person()]
  const token = tokenFor(ann)
  const foreign = signUnsubscription(Buffer.alloc(32, 1), {
    userId: ann.id,
    categories: ['bidding'],
  })
  for (const bad of [
    '',
    'x',
    token.slice(0, -1),
    `${token}x`,
    `${token}.x`,
    token.replace('bidding', 'sales'),
    token.replace(ann.id, ben.id),
    foreign,
    '..',
    'a'.repeat(300),
  ]) {
    for (const method of ['GET', 'POST'] as const) {
      const answer = await open(world, bad, method)
      t.equal(answer.statusCode, 404, `${method} ${bad.slice(0, 60)}`)
      t.match(answer.body, 'This link does not work')
    }
  }
  t.equal((await choicesOf(world, ann)).bidding.mail, 'now')
  t.equal((await world.app.inject({ method: 'GET', url: PATH })).statusCode, 404)
})

t.test('the page is in the language of its reader', async (t) => {
  const world = await createWorld(t)
  const ann = world.person()
  await call(world, 'PATCH', PREFERENCES, { as: ann, body: { language: 'de' } })
  t.match((await open(world, tokenFor(ann))).body, 'Keine E-Mails mehr?')
  t.match((await open(world, tokenFor(ann), 'POST')).body, 'Erledigt')
})

t.test('a link of a user who is gone keeps nothing of them', async (t) => {
  const world = await createWorld(t)
  const ann = world.person()
  await world.consume([deleted(ann.id)])
  t.equal((await open(world, tokenFor(ann), 'POST')).statusCode, 200)
  const { rows } = await world.database.pool.query('select 1 from preferences')
  t.equal(rows.length, 0)
})
