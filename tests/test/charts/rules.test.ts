import { DATABASES } from '@auction/local/service-list.ts'
import t from 'tap'
import { type KubeObject, podsOf } from '#src/charts/objects.ts'
import { installedCharts, PROFILES, type Profile, render } from '#src/charts/render.ts'
import { longNames, sharedSelectors } from '#src/charts/rules/names.ts'
import {
  canReach,
  endpointsOf,
  latePolicies,
  oneSidedWays,
  unguardedPods,
} from '#src/charts/rules/network.ts'
import { podFaults, replicaFaults } from '#src/charts/rules/pods.ts'
import { missingOfRoutes, missingSecrets, secretsMade } from '#src/charts/rules/references.ts'

const RELEASE_NAME_MAX = 53
const charts = await installedCharts()

/** Secrets that people bring themselves in a profile, as its values say. */
const BROUGHT: Readonly<Record<Profile, Readonly<Record<string, readonly string[]>>>> = {
  local: {},
  production: {
    'auction-internal': ['INTERNAL_JWT_SECRET'],
    'auction-identity': ['KEY_ENCRYPTION_KEY', 'MAIL_SEAL_KEY'],
    'auction-notification': ['WEBHOOK_SEAL_KEY'],
    'auction-order': ['ORDER_SEAL_KEY'],
    'auction-smtp': ['SMTP_USERNAME', 'SMTP_PASSWORD'],
    'auction-stripe': ['STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRET'],
  },
  everything: {
    'auction-tls': ['tls.crt', 'tls.key'],
    'auction-s3': ['S3_ACCESS_KEY', 'S3_SECRET_KEY'],
    'auction-smtp': ['SMTP_USERNAME', 'SMTP_PASSWORD'],
    'auction-dkim': ['DKIM_PRIVATE_KEY'],
    'auction-stripe': [
      'STRIPE_SECRET_KEY',
      'STRIPE_WEBHOOK_SECRET',
      'STRIPE_CONNECT_WEBHOOK_SECRET',
    ],
    'auction-mollie': ['MOLLIE_API_KEY', 'MOLLIE_WEBHOOK_SECRET'],
  },
}

for (const profile of PROFILES) {
  const all = (await Promise.all(charts.map((chart) => render(chart, profile)))).flat()

  t.test(`profile ${profile}: pods may do nothing that they do not need`, async (t) => {
    t.ok(podsOf(all).length > 10)
    t.same(podFaults(all), [])
  })

  t.test(`profile ${profile}: the number of replicas has one owner and a budget`, async (t) => {
    t.same(replicaFaults(all), [])
  })

  t.test(`profile ${profile}: both sides of every way between pods open it`, async (t) => {
    t.same(unguardedPods(all), [])
    t.same(oneSidedWays(all), [])
  })

  t.test(
    `profile ${profile}: the policy of a Job before an upgrade is there before it`,
    async (t) => {
      t.same(latePolicies(all), [])
    },
  )

  t.test(`profile ${profile}: a service reaches its own database and no other`, async (t) => {
    const open = waysToDatabases(all)
    t.same(open, DATABASES.map((name) => `${name} -> ${name}`).toSorted())
  })

  t.test(`profile ${profile}: every Secret and every part of a route exists`, async (t) => {
    const brought = Object.entries(BROUGHT[profile]).map(
      ([name, keys]) => [name, new Set(keys)] as const,
    )
    t.same(missingSecrets(all, new Map([...secretsMade(all), ...brought])), [])
    t.same(missingOfRoutes(all), [])
  })

  for (const chart of charts) {
    t.test(`${chart} in profile ${profile} bears long names and a second release`, async (t) => {
      // A name given by hand can be given once only.
      const set = chart === 'auction-data' ? ['fullnameOverride='] : []
      const long = await render(chart, profile, { release: 'a'.repeat(RELEASE_NAME_MAX), set })
      t.same(longNames(long), [])
      const one = await render(chart, profile, { release: 'one', set })
      const two = await render(chart, profile, { release: 'two', set })
      t.same(sharedSelectors(one, two), [])
    })
  }
}

/** `service -> database` for every pair between which a connection passes. */
function waysToDatabases(objects: readonly KubeObject[]): string[] {
  const endpoints = endpointsOf(objects)
  const databases = endpoints.filter(({ labels }) => labels['auction-platform/database'])
  const services = endpoints.filter(({ owner }) => owner.startsWith('Deployment/'))
  const ways = services.flatMap((from) =>
    databases
      .filter((to) => canReach(objects, from, to, 5432))
      .map(
        (to) =>
          `${from.labels['app.kubernetes.io/name']} -> ${to.labels['auction-platform/database']}`,
      ),
  )
  return [...new Set(ways)].toSorted()
}
