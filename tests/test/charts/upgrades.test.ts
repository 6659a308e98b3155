import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Teardown } from '@auction/common/testing/database.ts'
import t from 'tap'
import { type KubeObject, ofKind, titleOf } from '#src/charts/objects.ts'
import { CHARTS_DIR, PROFILES, render } from '#src/charts/render.ts'
import { gapsOfUpgrade } from '#src/charts/rules/upgrades.ts'

const CHART = 'auction-platform'

/** A version of the charts whose table of routes says something else. */
async function otherVersion(t: Teardown, change: (table: string) => string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'auction-charts-'))
  t.teardown(() => rm(folder, { recursive: true }))
  await cp(CHARTS_DIR, folder, { recursive: true, verbatimSymlinks: true })
  const file = join(folder, CHART, 'routes.yaml')
  const table = await readFile(file, 'utf8')
  const changed = change(table)
  if (changed === table) throw new Error('the table of routes is the same')
  await writeFile(file, changed)
  return folder
}

/** Rows of items have a class of limits of their own, whose Middlewares are new. */
const withOwnLimits = (table: string) =>
  table
    .replace('rateClasses:\n', 'rateClasses:\n  items: { average: 9, burst: 9, period: 1s }\n')
    .replace(/(name: items-read,.*rate: )read/, '$1items')

const withoutWatchlist = (table: string) => table.replace(/^.*name: watchlist-.*\n/gm, '')

for (const profile of PROFILES) {
  t.test(`profile ${profile}: an upgrade serves all the while what both versions do`, async (t) => {
    const one = await render(CHART, profile)
    const versions = {
      'new Middlewares in an existing route': await render(CHART, profile, {
        chartsDir: await otherVersion(t, withOwnLimits),
      }),
      'routes that are gone': await render(CHART, profile, {
        chartsDir: await otherVersion(t, withoutWatchlist),
      }),
      'a Middleware before every route': await render(CHART, profile, {
        set: [`gateway.errorBodies=${String(!hasErrorBodies(one))}`],
      }),
    }
    for (const [name, other] of Object.entries(versions)) {
      t.not(JSON.stringify(other), JSON.stringify(one), name)
      t.same(gapsOfUpgrade(one, other), [], name)
      t.same(gapsOfUpgrade(other, one), [], `${name}, rolled back`)
    }
    const again = ofKind(await render(CHART, profile), 'IngressRoute').map(titleOf)
    t.same(again, ofKind(one, 'IngressRoute').map(titleOf), 'what is the same keeps its name')
  })
}

const hasErrorBodies = (objects: readonly KubeObject[]) =>
  ofKind(objects, 'Middleware').some(({ metadata }) => metadata.name.endsWith('-error-body'))

t.test('the rule sees a route that is changed before its Middleware is made', async (t) => {
  const inPlace = (objects: readonly KubeObject[]) =>
    objects.map((object) =>
      object.kind === 'IngressRoute' && object.metadata.name.includes('-public')
        ? { ...object, metadata: { ...object.metadata, name: 'auction-public' } }
        : object,
    )
  const one = inPlace(await render(CHART, 'local'))
  const chartsDir = await otherVersion(t, withOwnLimits)
  const other = inPlace(await render(CHART, 'local', { chartsDir }))
  t.match(
    gapsOfUpgrade(one, other).join('\n'),
    /api\/v1\/items.*IngressRoute\/auction-public applied/,
  )
  t.same(gapsOfUpgrade(one, one), [])
  const [first] = ofKind(one, 'Middleware')
  const gone = one.filter((object) => object !== first)
  t.same(gapsOfUpgrade(one, gone), [], 'what only one of the versions serves is no gap')
})
