import { randomUUID } from 'node:crypto'
import t from 'tap'
import { build, call, createDraft, createPublished, type Fixture } from '#test/helper.ts'

const CATEGORIES = '/api/v1/categories'

async function start(t: Parameters<typeof build>[0], options?: Parameters<typeof build>[1]) {
  const fixture = await build(t, options)
  const admin = fixture.identity.person(['user', 'admin'])
  const add = async (name: string, parent_id: string | null = null, as = admin) =>
    call(fixture, 'POST', CATEGORIES, { as, body: { name, parent_id } })
  const move = (id: string, parent_id: string | null) =>
    call(fixture, 'PUT', `${CATEGORIES}/${id}`, { as: admin, body: { parent_id } })
  return { ...fixture, admin, add, move }
}

const put = (fixture: Fixture, itemId: string, categories: string[]) =>
  call(fixture, 'PUT', `/api/v1/items/${itemId}/categories`, {
    as: fixture.seller,
    body: { categories },
  })

t.test(
  'seed bugs 25 and 29: administrators build a tree, and one category is read by its path',
  async (t) => {
    const world = await start(t)
    const art = await world.add('Art')
    t.match(art, { statusCode: 201, headers: { location: `${CATEGORIES}/${art.body.id}` } })
    const prints = await world.add('Prints', art.body.id)
    const renamed = await call(world, 'PUT', `${CATEGORIES}/${prints.body.id}`, {
      as: world.admin,
      body: { name: 'Old prints', description: 'Before 1900.' },
    })
    t.match(renamed, { statusCode: 200, body: { name: 'Old prints', parent_id: art.body.id } })
    const itemId = await createPublished(world)
    t.match(await put(world, itemId, [prints.body.id, art.body.id]), {
      statusCode: 200,
      body: { categories: [prints.body.id, art.body.id] },
    })
    await put(world, await createPublished(world), [prints.body.id])
    await put(world, await createPublished(world), [art.body.id])
    await put(world, await createDraft(world), [prints.body.id])
    const { body } = await call(world, 'GET', CATEGORIES)
    t.match(
      body.items,
      [
        { name: 'Art', item_count: 3 },
        { name: 'Old prints', item_count: 2 },
      ],
      'with what lies below, each once, and no draft',
    )
    const define = (id: string, attributes: object[]) =>
      call(world, 'PUT', `${CATEGORIES}/${id}/attributes`, {
        as: world.admin,
        body: { attributes },
      })
    const width = { key: 'width', label: 'Width', kind: 'number', unit: 'cm' }
    const method = {
      key: 'method',
      label: 'Method',
      kind: 'choice',
      choices: ['etching', 'woodcut'],
    }
    t.equal((await define(art.body.id, [width])).statusCode, 204)
    t.equal((await define(prints.body.id, [method])).statusCode, 204)
    const detail = await call(world, 'GET', `${CATEGORIES}/${prints.body.id}`)
    t.match(detail.body.path, [{ name: 'Art' }, { name: 'Old prints' }])
    const attributes = detail.body.attributes as { key: string }[]
    t.match(
      attributes.toSorted((a, b) => (a.key < b.key ? -1 : 1)),
      [method, width],
      'its own and those of the ones above',
    )
    const above = await call(world, 'GET', `${CATEGORIES}/${art.body.id}`)
    t.match(above.body.attributes, [width])
    t.match(above.body.attributes, { length: 1 })
    t.match(await world.move(art.body.id, prints.body.id), {
      statusCode: 400,
      body: { code: 'category.validation_failed', details: { reason: 'cycle' } },
    })
    t.match(await world.move(art.body.id, art.body.id), {
      statusCode: 400,
      body: { details: { reason: 'cycle' } },
    })
    for (const [id, statusCode] of [
      [randomUUID(), 404],
      ['17', 400],
    ] as const) {
      t.equal((await call(world, 'GET', `${CATEGORIES}/${id}`)).statusCode, statusCode)
    }
  },
)

t.test('callers share the counts for a while, and no one sees an old tree', async (t) => {
  const world = await start(t, { categoryCountsMaxAgeMs: 600_000 })
  const { body: art } = await world.add('Art')
  const { body: prints } = await world.add('Prints')
  await put(world, await createPublished(world), [prints.id])
  const shown = async (as = world.admin) => {
    const { body } = await call(world, 'GET', CATEGORIES, { as })
    return (body.items as Record<string, unknown>[]).map(({ name, item_count }) => [
      name,
      item_count,
    ])
  }
  t.strictSame(await shown(), [
    ['Art', 0],
    ['Prints', 1],
  ])
  await put(world, await createPublished(world), [prints.id])
  const moved = await world.move(prints.id, art.id)
  t.match(moved.body, { parent_id: art.id, item_count: 1 })
  const { body: detail } = await call(world, 'GET', `${CATEGORIES}/${art.id}`)
  t.match(detail, { item_count: 1 }, 'what was counted lies below another one now')
  await call(world, 'PUT', `${CATEGORIES}/${art.id}`, { as: world.admin, body: { name: 'Arts' } })
  t.strictSame(await shown(world.seller), [
    ['Arts', 1],
    ['Prints', 1],
  ])
})

t.test('malformed definitions are refused, and choices are normalised as values are', async (t) => {
  const world = await start(t)
  const { body: art } = await world.add('Art')
  const define = (definition: object) =>
    call(world, 'PUT', `${CATEGORIES}/${art.id}/attributes`, {
      as: world.admin,
      body: { attributes: [{ key: 'width', label: 'Width', ...definition }] },
    })
  for (const [definition, reason] of [
    [{ kind: 'number', label: 'W\0' }, 'label_not_printable'],
    [{ kind: 'number', label: '  ' }, 'label_not_printable'],
    [{ kind: 'number', unit: 'c\0' }, 'unit_not_printable'],
    [{ kind: 'choice', choices: ['a\0'] }, 'choice_not_printable'],
    [{ kind: 'choice', choices: ['red', 'red '] }, 'repeated'],
    [{ kind: 'choice', choices: ['caf\u00e9', 'caf\u0065\u0301'] }, 'repeated'],
    [{ kind: 'text', choices: ['a'] }, 'choices_are_for_choice'],
    [{ kind: 'choice' }, 'choices_are_for_choice'],
    [{ kind: 'text', unit: 'cm' }, 'unit_is_for_number'],
  ] as const) {
    t.match(
      await define(definition),
      { statusCode: 400, body: { code: 'category.validation_failed', details: { reason } } },
      JSON.stringify(definition),
    )
  }
  t.equal((await define({ kind: 'choice', choices: ['caf\u0065\u0301'] })).statusCode, 204)
  const itemId = await createDraft(world)
  await put(world, itemId, [art.id])
  const chosen = await call(world, 'POST', `/api/v1/items/${itemId}/attributes`, {
    as: world.seller,
    body: { attributes: [{ key: 'width', value: 'caf\u00e9' }] },
  })
  t.equal(chosen.statusCode, 201)
})

t.test('a category answers definitions that were stored under other bounds', async (t) => {
  const world = await start(t)
  const { body: art } = await world.add('Art')
  const { body: prints } = await world.add('Prints', art.id)
  const colour = { key: 'colour', label: 'Colour', kind: 'choice' as const, unit: null }
  await world.db
    .insertInto('category_attributes')
    .values({ ...colour, category_id: String(art.id), choices: ['red', 'red'] })
    .execute()
  for (const id of [art.id, prints.id]) {
    t.match(await call(world, 'GET', `${CATEGORIES}/${id}`), {
      statusCode: 200,
      body: { attributes: [{ ...colour, choices: ['red', 'red'] }] },
    })
  }
})

t.test('two moves at once never make a circle', async (t) => {
  const world = await start(t)
  for (let round = 0; round < 10; round += 1) {
    const one = (await world.add(`one ${round}`)).body.id
    const other = (await world.add(`other ${round}`)).body.id
    const answers = await Promise.all([world.move(one, other), world.move(other, one)])
    t.strictSame(answers.map(({ statusCode }) => statusCode).sort(), [200, 400])
    const refused = answers.find(({ statusCode }) => statusCode === 400)
    t.match(refused?.body, { code: 'category.validation_failed', details: { reason: 'cycle' } })
  }
})

t.test(
  'only administrators write, names are unique under a parent, full categories stay',
  async (t) => {
    const world = await start(t)
    for (const as of [world.seller, world.identity.person(['user', 'moderator'])]) {
      t.match(await world.add('Tools', null, as), {
        statusCode: 403,
        body: { code: 'category.forbidden' },
      })
    }
    t.equal((await call(world, 'POST', CATEGORIES, { body: { name: 'x' } })).statusCode, 401)
    const tools = await world.add('Tools')
    const saws = await world.add('Saws', tools.body.id)
    t.match(await world.add('TOOLS'), { statusCode: 409, body: { code: 'category.name_taken' } })
    t.equal((await world.add('Tools', tools.body.id)).statusCode, 201, 'elsewhere it may be used')
    const remove = (id: string) => call(world, 'DELETE', `${CATEGORIES}/${id}`, { as: world.admin })
    t.match(await remove(tools.body.id), { statusCode: 409, body: { code: 'category.not_empty' } })
    await put(world, await createPublished(world), [saws.body.id])
    t.equal((await remove(saws.body.id)).statusCode, 409, 'an item lies in it')
    t.equal((await remove(randomUUID())).statusCode, 404)
  },
)

t.test('a hidden category hides its descendants, and takes no items', async (t) => {
  const world = await start(t)
  const art = (await world.add('Art')).body.id
  const prints = (await world.add('Prints', art)).body.id
  await call(world, 'PUT', `${CATEGORIES}/${art}`, { as: world.admin, body: { status: 'hidden' } })
  t.strictSame((await call(world, 'GET', CATEGORIES)).body.items, [])
  t.equal((await call(world, 'GET', `${CATEGORIES}/${prints}`)).statusCode, 404)
  const shown = await call(world, 'GET', CATEGORIES, { as: world.admin })
  t.equal((shown.body.items as unknown[]).length, 2)
  const itemId = await createPublished(world)
  for (const id of [prints, randomUUID()]) {
    t.match(await put(world, itemId, [id]), {
      statusCode: 400,
      body: { details: { reason: 'category_not_found' } },
    })
  }
})
