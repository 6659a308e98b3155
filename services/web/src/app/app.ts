import { type App, buildServer } from '@auction/common/http/server.ts'
import { UPLOAD_TIMEOUT_MS } from '@auction/common/http/slow-bodies.ts'
import type { Logger } from '@auction/common/process/logger.ts'
import type { Registry } from 'prom-client'
import { splitLocale } from '#src/domain/locale.ts'
import { createAccountSources } from '#src/infra/http/account.ts'
import { createBuying } from '#src/infra/http/buying.ts'
import { createCatalogue } from '#src/infra/http/catalogue.ts'
import { createFees, createStatusBoard } from '#src/infra/http/help.ts'
import { createIdentity } from '#src/infra/http/identity.ts'
import { createLots } from '#src/infra/http/lots.ts'
import { createModeration } from '#src/infra/http/moderation.ts'
import { createNotifications } from '#src/infra/http/notifications.ts'
import { createSales } from '#src/infra/http/sales.ts'
import { createSelling } from '#src/infra/http/selling.ts'
import { createServices, type ServiceUrls } from '#src/infra/http/services.ts'
import { answerErrorsWithPages } from './error-pages.ts'
import { acceptForms, acceptPhotos } from './forms.ts'
import { PAGE_POLICY } from './page-policy.ts'
import { createPageRoutes } from './page-routes.ts'
import { accountRoutes } from './routes/account.ts'
import { approvalRoutes } from './routes/approvals.ts'
import { assetRoutes } from './routes/assets.ts'
import { buyingRoutes } from './routes/buying.ts'
import { eventRoutes } from './routes/events.ts'
import { infoRoutes, robotRoutes } from './routes/info.ts'
import { linkRoutes } from './routes/links.ts'
import { loginRoutes } from './routes/login.ts'
import { lotRoutes } from './routes/lots.ts'
import { deskRoutes } from './routes/moderation.ts'
import { notificationRoutes } from './routes/notifications.ts'
import { operatorRoutes } from './routes/operator.ts'
import { orderRoutes } from './routes/orders.ts'
import { pageRoutes } from './routes/pages.ts'
import { itemRoutes } from './routes/selling/items.ts'
import { payoutRoutes } from './routes/selling/payouts.ts'
import { questionRoutes } from './routes/selling/questions.ts'
import { refundRoutes } from './routes/selling/refunds.ts'
import { salesRoutes } from './routes/selling/sales.ts'
import { sellRoutes } from './routes/selling/sell.ts'
import { uploadRoutes } from './routes/selling/uploads.ts'

export interface AppDependencies extends ServiceUrls {
  /** The address that people type; forms count only from its pages. */
  publicUrl: string
  log: Logger
  registry: Registry
  /** A test that counts what is asked has longer ones. */
  waits?: Partial<Waits>
}

/** How long pages wait for what they show, and are the same for all who ask. */
export interface Waits {
  /** A read waits no longer for one answer, and is sent twice at most. */
  readMs: number
  /** A page that is ready waits no longer for the number beside it. */
  unreadMs: number
  /** A service that answers the status page no sooner is shown as away. */
  lookMs: number
  /** Visitors share a page that is no older. */
  sharedMs: number
}

const WAITS: Waits = { readMs: 1_000, unreadMs: 100, lookMs: 2_000, sharedMs: 200 }

/** A question of 16,000 bytes is 48 kB in a form, and a form is more than its text. */
const FORM_BYTES_MAX = 64 * 1024

/** A long form comes from a phone; less than a process that stops is given. */
const REQUEST_TIMEOUT_MS = 30_000

/** Pages load nothing from elsewhere, run nothing inline, and no other page may frame them. */
const SECURITY_HEADERS = {
  'content-security-policy': PAGE_POLICY,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=()',
}

/** The pages, ready for `listen` or `inject`. */
export async function buildApp(dependencies: AppDependencies): Promise<App> {
  const { publicUrl, log, registry } = dependencies
  const { readMs, unreadMs, lookMs, sharedMs } = { ...WAITS, ...dependencies.waits }
  const app = await buildServer({
    service: 'web',
    log,
    registry,
    bodyLimitBytes: FORM_BYTES_MAX,
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
    uploadTimeoutMs: UPLOAD_TIMEOUT_MS,
    rewritePath: withoutLocale,
  })
  app.decorate('publicUrl', publicUrl.replace(/\/$/, ''))
  answerErrorsWithPages(app, log)
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(SECURITY_HEADERS)
    done()
  })
  acceptForms(app, publicUrl)
  const services = createServices(dependencies, readMs)
  const identity = createIdentity(dependencies.identityUrl)
  await assetRoutes(app)
  const notifications = createNotifications(services)
  await loginRoutes(app, { identity, notifications, publicUrl })
  await eventRoutes(app)
  const pagesOf = (scope: App) => createPageRoutes(scope, log, notifications.countUnread, unreadMs)
  const pages = pagesOf(app)
  const catalogue = createCatalogue(services)
  const readFees = createFees(services)
  const readStatus = createStatusBoard(dependencies, lookMs)
  infoRoutes(pages, { catalogue, readFees, readStatus, sharedMs })
  await robotRoutes(app, catalogue)
  linkRoutes(pages, identity)
  const lots = createLots(services)
  const buying = createBuying(services)
  lotRoutes(pages, lots, buying, sharedMs)
  orderRoutes(pages, { buying, lots })
  notificationRoutes(pages, notifications)
  buyingRoutes(pages, { buying, catalogue, notifications })
  const selling = createSelling(services, dependencies.auctionUrl)
  sellRoutes(pages, { selling, catalogue, lots, identity })
  itemRoutes(pages, selling)
  const sales = createSales(services)
  salesRoutes(pages, { sales, selling, lots })
  refundRoutes(pages, { sales, lots, identity })
  payoutRoutes(pages, { sales, identity })
  questionRoutes(pages, { selling, lots })
  await uploadRoutes(app, { pagesOf, log, selling })
  const sources = createAccountSources(services)
  await app.register(async (scope) => {
    acceptPhotos(scope as App)
    accountRoutes(pagesOf(scope as App), { identity, sources, notifications, publicUrl })
  })
  const desk = { identity, moderation: createModeration(services) }
  deskRoutes(pages, desk)
  operatorRoutes(pages, desk)
  approvalRoutes(pages, desk)
  pageRoutes(pages, { catalogue, lots, sharedMs })
  return app
}

/** Where the gateway counts tries by the path; in another spelling it would not. */
const COUNTED_PATH = /^\/(login|register)(\/|\?|$)/

/** "/de/lots/1" is the page "/lots/1" in German. Forms to log in are sent to their one address only. */
function withoutLocale(path: string, method: string): string {
  const { rest } = splitLocale(path)
  return method === 'POST' && COUNTED_PATH.test(rest) ? path : rest
}
