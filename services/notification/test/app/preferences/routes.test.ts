import t from 'tap'
import { DEFAULT_CHOICES } from '#src/domain/preferences.ts'
import { deleted, registered } from '#test/events.ts'
import { call, createWorld, type Person, type World } from '#test/helper.ts'

const PREFERENCES = '/api/v1/notifications/preferences'

const read = (world: World, as: Person) => call(world, 'GET', PREFERENCES, { as })
const change = (world: World, as: Person, body: unknown) =>
  call(world, 'PATCH', PREFERENCES, { as, body })

t.test('a user who chose nothing has defaults, and sees what cannot be chosen', async (t) => {
  const world = await createWorld(t)
  t.same(await read(world, world.person()), {
    statusCode: 200,
    body: {
      language: 'en',
      timeZone: 'UTC',
      choices: DEFAULT_CHOICES,
      locked: [
        { category: 'purchases', channel: 'mail' },
        { category: 'integrations', channel: 'mail' },
      ],
      alwaysMailed: [
        'won',
        'sold',
        'item_removed',
        'offer_accepted',
        'deposit_expiring',
        'deposit_captured',
        'order_due',
        'order_reminder',
        'order_overdue',
        'order_paid',
        'order_to_ship',
        'order_shipped',
        'purchase_cancelled',
        'sale_cancelled',
        'order_reopened',
        'order_disputed',
        'purchase_resolved',
        'sale_resolved',
        'payout_failed',
        'payout_account_restricted',
        'payout_account_needed',
        'webhook_failing',
        'webhook_disabled',
      ],
    },
  })
})

t.test('a change changes what it names, and nothing else of this or another user', async (t) => {
  const world = await createWorld(t)
  const [ann, ben] = [world.person(), world.person()]
  const quietHours = { from: '22:30', until: '07:05' }
  t.match(await change(world, ann, { language: 'tr', quietHours }), {
    statusCode: 200,
    body: { language: 'tr', timeZone: 'UTC', quietHours },
  })
  await change(world, ann, { timeZone: 'Europe/Istanbul' })
  const choices = { searches: { mail: 'weekly' }, bidding: { push: 'off' } }
  await change(world, ann, { choices })
  await change(world, ann, { choices: { searches: { push: 'now' } } })
  t.match(await read(world, ann), {
    body: {
      language: 'tr',
      timeZone: 'Europe/Istanbul',
      quietHours,
      choices: {
        ...DEFAULT_CHOICES,
        searches: { mail: 'weekly', push: 'now' },
        bidding: { mail: 'now', push: 'off' },
      },
    },
  })
  const without = await change(world, ann, { quietHours: null })
  t.notOk('quietHours' in without.body)
  t.match(without.body, { language: 'tr' })
  t.match(await change(world, ann, {}), { statusCode: 200, body: { language: 'tr' } })
  t.match(await read(world, ben), { body: { language: 'en', choices: DEFAULT_CHOICES } })
})

t.test(
  'mail about money cannot be switched off, and nothing of such a change is kept',
  async (t) => {
    const world = await createWorld(t)
    const ann = world.person()
    for (const choice of ['off', 'daily', 'weekly']) {
      const choices = { bidding: { mail: 'off' }, purchases: { mail: choice } }
      t.match(await change(world, ann, { language: 'de', choices }), {
        statusCode: 422,
        body: {
          code: 'notification.choice_locked',
          details: { category: 'purchases', channel: 'mail' },
        },
      })
    }
    t.match(await read(world, ann), { body: { language: 'en', choices: DEFAULT_CHOICES } })
    // What was read may be sent back as it is.
    const { body } = await read(world, ann)
    t.match(await change(world, ann, { choices: body.choices }), { statusCode: 200 })
    t.match(await change(world, ann, { choices: { sales: { mail: 'off' } } }), {
      statusCode: 200,
      body: { choices: { sales: { mail: 'off' } } },
    })
  },
)

t.test('a zone is one that clocks can be read in', async (t) => {
  const world = await createWorld(t)
  const ann = world.person()
  for (const timeZone of ['Europe/Berlin', 'UTC', 'America/Argentina/Buenos_Aires', 'Etc/GMT+3']) {
    t.match(await change(world, ann, { timeZone }), { statusCode: 200, body: { timeZone } })
  }
  for (const timeZone of ['Mars/Olympus', 'Europe', 'Berlin', 'Europe/Berlin/Mitte']) {
    t.match(
      await change(world, ann, { timeZone }),
      { statusCode: 422, body: { code: 'notification.unknown_time_zone' } },
      timeZone,
    )
  }
  for (const timeZone of ['', '+02:00', 'Europe/Berlin ', 3, 'a'.repeat(65)]) {
    t.match(await change(world, ann, { timeZone }), { statusCode: 400 }, String(timeZone))
  }
})

t.test('what is not known is refused', async (t) => {
  const world = await createWorld(t)
  const ann = world.person()
  const bad = [
    { colour: 'blue' },
    { language: 'fr' },
    { language: null },
    { quietHours: { from: '22:00' } },
    { quietHours: { from: '22:00', until: '24:00' } },
    { quietHours: { from: '7:00', until: '08:00' } },
    { quietHours: { from: '22:00', until: '07:00', days: 'all' } },
    { choices: { weather: { mail: 'now' } } },
    { choices: { bidding: { fax: 'now' } } },
    { choices: { bidding: { mail: 'hourly' } } },
    { choices: { bidding: { mail: true } } },
    { choices: [] },
    [],
  ]
  for (const body of bad) {
    t.match(await change(world, ann, body), { statusCode: 400 }, JSON.stringify(body))
  }
  const empty = { quietHours: { from: '07:00', until: '07:00' } }
  t.match(await change(world, ann, empty), {
    statusCode: 422,
    body: { code: 'notification.empty_quiet_hours' },
  })
  t.match(await read(world, ann), { body: { choices: DEFAULT_CHOICES } })
  t.equal((await call(world, 'GET', PREFERENCES)).statusCode, 401)
  t.equal((await call(world, 'PATCH', PREFERENCES, { body: {} })).statusCode, 401)
})

t.test('a token that outlives its account stores nothing', async (t) => {
  const world = await createWorld(t)
  const ann = world.person()
  await change(world, ann, { language: 'de' })
  await world.consume([deleted(ann.id)])
  t.match(await change(world, ann, { language: 'tr' }), {
    statusCode: 401,
    body: { code: 'notification.unauthenticated' },
  })
  const { rows } = await world.database.pool.query('select from readers')
  t.equal(rows.length, 0)
})

t.test(
  'a user is addressed in the language of the registration until another is chosen',
  async (t) => {
    const world = await createWorld(t)
    const [ann, ben, eve, dan] = [world.person(), world.person(), world.person(), world.person()]
    const languageOf = async (person: Person) => (await read(world, person)).body.language
    await world.consume([registered(ann.id, 'de'), registered(ben.id), registered(eve.id, 'xx')])
    t.same(await Promise.all([ann, ben, eve].map(languageOf)), ['de', 'en', 'en'])
    await change(world, ann, { language: 'tr' })
    await change(world, dan, { timeZone: 'Europe/Berlin' })
    await world.consume([registered(ann.id, 'de'), registered(dan.id, 'de')])
    t.same(await Promise.all([ann, dan].map(languageOf)), ['tr', 'de'])
    t.match((await read(world, dan)).body, { timeZone: 'Europe/Berlin' })
    await world.consume([deleted(ben.id), registered(ben.id, 'de')])
    const { rows } = await world.database.pool.query('select 1 from readers where user_id = $1', [
      ben.id,
    ])
    t.equal(rows.length, 0, 'nothing is kept of a user who is gone')
  },
)
