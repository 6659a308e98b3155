import { cookiesOf } from '@auction/common/http/cookies.ts'
import { UUID } from '@auction/common/ids.ts'
import { trimText, withLineFeeds } from '@auction/common/text.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { endPush, type PushSubscriptions } from '#src/app/end-push.ts'
import { fieldOf, trimmedOf } from '#src/app/forms.ts'
import { pagePolicy } from '#src/app/page-policy.ts'
import { loginFor, notFound, type PageAnswer, type PageRoutes } from '#src/app/page-routes.ts'
import {
  type ProfileEntry,
  type ProfileParts,
  profilePage,
} from '#src/app/pages/account/profile-page.ts'
import {
  codesPage,
  type Enrolment,
  enrolPage,
  type SecurityParts,
  securityPage,
} from '#src/app/pages/account/security-page.ts'
import { blocksPage, closedPage, emailPage, leavePage } from '#src/app/pages/account/small-pages.ts'
import { type Notes, saidIn } from '#src/app/pages/parts.ts'
import { type Act, answerAct, askProofFor } from '#src/app/proofs.ts'
import { LOCALE_COOKIE, type Viewer, ZONE_COOKIE } from '#src/app/viewer.ts'
import { isLocale } from '#src/domain/locale.ts'
import { type Problem, problemOf, type Refusal } from '#src/domain/problem-text.ts'
import { returnPath } from '#src/domain/return-path.ts'
import { readZone } from '#src/domain/talk.ts'
import type { AccountSources } from '#src/infra/http/account.ts'
import type { Identity, IdentityAnswer } from '#src/infra/http/identity.ts'
import { orAway, UpstreamError } from '#src/infra/http/service-client.ts'

// The QR code of a two-factor secret comes as a data: picture, and this page alone may show one.
const QR_POLICY = pagePolicy({ 'img-src': "'self' data:" })
const QR_CODE = /^data:image\/png;base64,[A-Za-z0-9+/=]{1,20000}$/
const SECRET = /^[A-Z2-7]{16,128}$/
const PASSKEY_ID = /^[A-Za-z0-9_-]{43}$/
const YEAR_SECONDS = 31_536_000
/** Each is a request to identity, one after the other. */
const SESSIONS_ENDED_MAX = 100
const HOUR_MS = 3_600_000

export interface AccountRoutesOptions {
  identity: Identity
  sources: AccountSources
  notifications: PushSubscriptions
  publicUrl: string
}

const idOf = ({ params }: FastifyRequest) => (params as { id: string }).id

/** The own account, by forms that need no script; only passkeys do. */
export function accountRoutes(pages: PageRoutes, options: AccountRoutesOptions): void {
  profileRoutes(pages, options)
  securityRoutes(pages, options.identity)
  twoFactorRoutes(pages, options.identity)
  passkeyRoutes(pages, options.identity)
  sessionRoutes(pages, options.identity)
  emailRoutes(pages, options.identity)
  blockRoutes(pages, options)
  leaveRoutes(pages, options)
  proofRoutes(pages, options.identity)
}

/** A page that only its user sees, which says what was done before. */
const show =
  (make: (viewer: Viewer, request: FastifyRequest, notes: Notes) => Promise<string>) =>
  async (viewer: Viewer, request: FastifyRequest): Promise<PageAnswer> => {
    if (!viewer.isLoggedIn) return { to: loginFor(viewer, viewer.path) }
    const flash = saidIn(viewer.talk.t.account.said, request.query)
    return { markup: await make(viewer, request, { flash }), isSecret: true }
  }

/** A reload, a bookmark or another language of the page that answered a form. */
function back(pages: PageRoutes, url: string, page: string): void {
  pages.get(url, async (viewer) => ({ to: viewer.to(page) }))
}

const isDone = ({ status }: IdentityAnswer) => status < 300

/** What was refused, at the field of the form that it is about. */
function problemAt(
  { talk }: Viewer,
  { body }: IdentityAnswer,
  fields: readonly string[],
  /** How fields are named here. */
  names: Readonly<Record<string, string>> = {},
): Problem {
  const refusal = body as unknown as Refusal
  const { field: about, text } = problemOf(refusal, talk)
  const given = String(refusal.details?.field ?? about).replace(/^\//, '')
  const field = names[given] ?? (about === undefined ? given : (names[about] ?? given))
  return fields.includes(field) ? { field, text } : { text }
}

function profileRoutes(
  pages: PageRoutes,
  { identity, sources: _, publicUrl }: AccountRoutesOptions,
) {
  const PAGE = '/account'
  const make = async (
    viewer: Viewer,
    request: FastifyRequest,
    notes: Pick<ProfileParts, 'flash' | 'problems' | 'entry'>,
  ) => {
    const account = await identity.readAccount(request)
    const profile = await orAway(identity.readProfile(request, account.id))
    const chosen = (name: string) => cookiesOf(request.headers.cookie, name)[0] ?? ''
    const zone = chosen(ZONE_COOKIE)
    const choice = {
      locale: chosen(LOCALE_COOKIE),
      zone: zone === '' ? '' : viewer.talk.zone,
    }
    return profilePage(viewer, { account, profile, choice, ...notes })
  }
  const refuse = async (
    viewer: Viewer,
    request: FastifyRequest,
    answer: IdentityAnswer,
    fields: readonly string[],
    entry?: ProfileEntry,
  ): Promise<PageAnswer> => {
    const problems = [problemAt(viewer, answer, fields)]
    const notes = entry === undefined ? { problems } : { problems, entry }
    return { statusCode: answer.status, markup: await make(viewer, request, notes), isSecret: true }
  }
  const form = (url: string, act: Act) => pages.post(url, answerAct(identity, { page: PAGE }, act))

  pages.get(PAGE, show(make))
  form(PAGE, async (viewer, caller, request) => {
    const { id } = await identity.readAccount(request)
    const entry = profileEntryOf(request.body)
    const orNull = (text: string) => (trimText(text) === '' ? null : text)
    const answer = await caller.ask('PUT', `/api/v1/user-profiles/${id}`, {
      name: entry.name,
      isBusiness: entry.isBusiness,
      country: orNull(entry.country),
      city: orNull(entry.city),
      phone: orNull(entry.phone),
      description: orNull(entry.description),
    })
    if (isDone(answer)) return { to: viewer.to(`${PAGE}?said=profile`) }
    return refuse(viewer, request, answer, Object.keys(entry), entry)
  })

  back(pages, '/account/photo', PAGE)
  form('/account/photo', async (viewer, caller, request) => {
    const { id } = await identity.readAccount(request)
    const { body, headers } = request
    const type = headers['content-type'] ?? ''
    const content = Buffer.isBuffer(body) ? body : Buffer.alloc(0)
    const answer = await caller.ask('PUT', `/api/v1/user-profiles/${id}/photo`, { type, content })
    if (isDone(answer)) return { to: viewer.to(`${PAGE}?said=photo`) }
    const { text } = problemAt(viewer, answer, [])
    const problems = [{ field: 'photo', text }]
    const markup = await make(viewer, request, { problems })
    return { statusCode: answer.status, markup, isSecret: true }
  })
  back(pages, '/account/photo/remove', PAGE)
  form('/account/photo/remove', async (viewer, caller, request) => {
    const { id } = await identity.readAccount(request)
    const answer = await caller.ask('DELETE', `/api/v1/user-profiles/${id}/photo`)
    // One that is gone already is not there either.
    if (isDone(answer) || answer.status === 404) {
      return { to: viewer.to(`${PAGE}?said=photo-removed`) }
    }
    return refuse(viewer, request, answer, [])
  })

  back(pages, '/account/language', PAGE)
  pages.post('/account/language', async (sender, request, reply) => {
    const locale = fieldOf(request.body, 'locale')
    const zone = fieldOf(request.body, 'zone')
    const secure = publicUrl.startsWith('https:') ? '; Secure' : ''
    const keep = (name: string, value: string) => {
      const seconds = value === '' ? 0 : YEAR_SECONDS
      const text = `${name}=${encodeURIComponent(value)}; Path=/; Max-Age=${seconds}; SameSite=Lax`
      reply.header('set-cookie', `${text}; HttpOnly${secure}`)
    }
    keep(LOCALE_COOKIE, isLocale(locale) ? locale : '')
    // What this machine does not know becomes UTC, and is then no choice.
    keep(ZONE_COOKIE, zone === 'UTC' || readZone(zone) !== 'UTC' ? zone : '')
    const prefix = sender.prefix === '' || !isLocale(locale) ? sender.prefix : `/${locale}`
    return { to: `${prefix}${PAGE}?said=language` }
  })
}

function profileEntryOf(body: unknown): ProfileEntry {
  const of = (name: string) => fieldOf(body, name)
  return {
    name: of('name'),
    country: of('country'),
    city: of('city'),
    phone: of('phone'),
    // Browsers send two characters for the end of a line, and people count one.
    description: withLineFeeds(of('description')),
    isBusiness: of('isBusiness') === 'yes',
  }
}

const SECURITY = '/account/security'

async function showSecurity(
  identity: Identity,
  viewer: Viewer,
  request: FastifyRequest,
  notes: Notes,
): Promise<string> {
  const account = await identity.readAccount(request)
  const [sessions, passkeys, codesLeft] = await Promise.all([
    orAway(identity.readSessions(request)),
    orAway(identity.readPasskeys(request)),
    account.twoFactorEnabled ? orAway(identity.readRecoveryCodesLeft(request)) : undefined,
  ])
  const parts: SecurityParts = { account, sessions, passkeys, codesLeft, ...notes }
  return securityPage(viewer, parts)
}

/** A form of the security page: done, it leads back there; refused, the page says why. */
function securityForm(
  pages: PageRoutes,
  identity: Identity,
  url: string,
  act: (
    ...parameters: Parameters<Act>
  ) => Promise<PageAnswer | { refused: IdentityAnswer; names?: Record<string, string> }>,
): void {
  const secret = ['newPassword', 'code', 'newCode', 'offCode', 'secret', 'qrCode']
  pages.post(
    url,
    answerAct(identity, { page: SECURITY, secret }, async (viewer, caller, request) => {
      const answer = await act(viewer, caller, request)
      if (!('refused' in answer)) return answer
      const { refused, names = {} } = answer
      const problems = [problemAt(viewer, refused, Object.values(names), names)]
      const markup = await showSecurity(identity, viewer, request, { problems })
      return { statusCode: refused.status, markup, isSecret: true }
    }),
  )
}

function securityRoutes(pages: PageRoutes, identity: Identity): void {
  pages.get(
    SECURITY,
    show((viewer, request, notes) => showSecurity(identity, viewer, request, notes)),
  )
  back(pages, `${SECURITY}/password`, SECURITY)
  securityForm(pages, identity, `${SECURITY}/password`, async (viewer, caller, request) => {
    const newPassword = fieldOf(request.body, 'newPassword')
    const refused = await caller.ask('POST', '/identity/password/change', { newPassword })
    if (isDone(refused)) return { to: viewer.to(`${SECURITY}?said=password`) }
    return { refused, names: { password: 'newPassword', newPassword: 'newPassword' } }
  })
}

function twoFactorRoutes(pages: PageRoutes, identity: Identity): void {
  const enrol = (
    reply: FastifyReply,
    viewer: Viewer,
    enrolment: Enrolment,
    refused?: IdentityAnswer,
  ): PageAnswer => {
    reply.header('content-security-policy', QR_POLICY)
    const problems = refused === undefined ? [] : [problemAt(viewer, refused, ['code'])]
    const markup = enrolPage(viewer, enrolment, problems)
    return { statusCode: refused?.status ?? 200, markup, isSecret: true }
  }

  back(pages, `${SECURITY}/two-factor`, SECURITY)
  pages.post(`${SECURITY}/two-factor`, (sender, request, reply) =>
    answerAct(identity, { page: SECURITY }, async (viewer, caller) => {
      const answer = await caller.ask('POST', '/identity/2fa/enable')
      if (isDone(answer)) {
        const { secret, qrCode } = answer.body
        return enrol(reply, viewer, { secret: String(secret), qrCode: String(qrCode) })
      }
      const problems = [problemAt(viewer, answer, [])]
      const markup = await showSecurity(identity, viewer, request, { problems })
      return { statusCode: answer.status, markup, isSecret: true }
    })(sender, request, reply),
  )

  back(pages, `${SECURITY}/two-factor/confirm`, SECURITY)
  pages.post(`${SECURITY}/two-factor/confirm`, (sender, request, reply) => {
    const secrets = ['code', 'secret', 'qrCode']
    return answerAct(identity, { page: SECURITY, secret: secrets }, async (viewer, caller) => {
      const code = trimmedOf(request.body, 'code')
      const answer = await caller.ask('POST', '/identity/2fa/verify', { code })
      if (isDone(answer)) {
        return showCodes(viewer, answer, viewer.talk.t.account.twoFactorNowOn)
      }
      const [secret, qrCode] = ['secret', 'qrCode'].map((name) => fieldOf(request.body, name))
      const isOurs = SECRET.test(secret ?? '') && QR_CODE.test(qrCode ?? '')
      const isOver = /^identity\.(not_enrolling|two_factor_on)$/.test(String(answer.body.code))
      if (isOurs && !isOver) {
        return enrol(reply, viewer, { secret: secret ?? '', qrCode: qrCode ?? '' }, answer)
      }
      const problems = [problemAt(viewer, answer, [])]
      const markup = await showSecurity(identity, viewer, request, { problems })
      return { statusCode: answer.status, markup, isSecret: true }
    })(sender, request, reply)
  })

  back(pages, `${SECURITY}/two-factor/off`, SECURITY)
  securityForm(pages, identity, `${SECURITY}/two-factor/off`, async (viewer, caller, request) => {
    const code = trimmedOf(request.body, 'offCode')
    const refused = await caller.ask('POST', '/identity/2fa/disable', { code })
    if (isDone(refused)) return { to: viewer.to(`${SECURITY}?said=two-factor-off`) }
    return { refused, names: { code: 'offCode' } }
  })
  back(pages, `${SECURITY}/recovery-codes`, SECURITY)
  securityForm(pages, identity, `${SECURITY}/recovery-codes`, async (viewer, caller, request) => {
    const code = trimmedOf(request.body, 'newCode')
    const refused = await caller.ask('POST', '/identity/2fa/recovery-codes', { code })
    if (isDone(refused)) return showCodes(viewer, refused, viewer.talk.t.account.codesReplaced)
    return { refused, names: { code: 'newCode' } }
  })
}

/** Not after a redirect: the codes are in this one answer, and nowhere else any more. */
function showCodes(viewer: Viewer, { body }: IdentityAnswer, flash: string): PageAnswer {
  const { recoveryCodes } = body
  if (!Array.isArray(recoveryCodes)) throw new UpstreamError('there are no codes in the answer')
  return { markup: codesPage(viewer, recoveryCodes.map(String), { flash }), isSecret: true }
}

function passkeyRoutes(pages: PageRoutes, identity: Identity): void {
  const url = (verb: string) => `${SECURITY}/passkeys/:id/${verb}`
  back(pages, url('remove'), SECURITY)
  securityForm(pages, identity, url('remove'), async (viewer, caller, request) => {
    const id = idOf(request)
    if (!PASSKEY_ID.test(id)) return notFound(viewer)
    const refused = await caller.ask('DELETE', `/identity/passkeys/${id}`)
    // A second press finds it removed.
    if (!isDone(refused) && refused.status !== 404) return { refused }
    return { to: viewer.to(`${SECURITY}?said=passkey-removed`) }
  })
  back(pages, url('rename'), SECURITY)
  securityForm(pages, identity, url('rename'), async (viewer, caller, request) => {
    const id = idOf(request)
    if (!PASSKEY_ID.test(id)) return notFound(viewer)
    const name = fieldOf(request.body, 'name')
    const refused = await caller.ask('PATCH', `/identity/passkeys/${id}`, { name })
    return isDone(refused) ? { to: viewer.to(`${SECURITY}?said=passkey-renamed`) } : { refused }
  })
}

function sessionRoutes(pages: PageRoutes, identity: Identity): void {
  back(pages, '/account/sessions/:id/end', SECURITY)
  securityForm(pages, identity, '/account/sessions/:id/end', async (viewer, caller, request) => {
    const id = idOf(request)
    if (!UUID.test(id)) return notFound(viewer)
    const answer = await caller.ask('DELETE', `/identity/sessions/${id}`)
    // One that has ended meanwhile is not in the list either.
    if (isDone(answer) || answer.status === 404) {
      return { to: viewer.to(`${SECURITY}?said=session`) }
    }
    throw new UpstreamError(`the end of a session was answered ${answer.status}`)
  })
  back(pages, '/account/sessions/end-others', SECURITY)
  securityForm(pages, identity, '/account/sessions/end-others', async (viewer, caller, request) => {
    const sessions = await identity.readSessions(request)
    const others = sessions.filter(({ current }) => !current).slice(0, SESSIONS_ENDED_MAX)
    for (const { id } of others) {
      const { status } = await caller.ask('DELETE', `/identity/sessions/${id}`)
      if (status >= 300 && status !== 404) {
        throw new UpstreamError(`the end of a session was answered ${status}`)
      }
    }
    return { to: viewer.to(`${SECURITY}?said=sessions`) }
  })
}

function emailRoutes(pages: PageRoutes, identity: Identity): void {
  const PAGE = '/account/email'
  pages.get(
    PAGE,
    show(async (viewer, request, notes) =>
      emailPage(viewer, await identity.readAccount(request), notes),
    ),
  )
  pages.post(
    PAGE,
    answerAct(identity, { page: PAGE }, async (viewer, caller, request) => {
      const email = trimmedOf(request.body, 'email')
      const answer = await caller.ask('POST', '/identity/email/change', { email })
      if (isDone(answer)) return { to: viewer.to(`${PAGE}?said=email`) }
      const problems = [problemAt(viewer, answer, ['email'])]
      const account = await identity.readAccount(request)
      const markup = emailPage(viewer, account, { email, problems })
      return { statusCode: answer.status, markup, isSecret: true }
    }),
  )
}

function blockRoutes(pages: PageRoutes, { identity, sources }: AccountRoutesOptions): void {
  const PAGE = '/account/blocks'
  const make = async (viewer: Viewer, notes: Notes) => {
    const blocks = await sources.readBlocks(viewer.authorization)
    const named = await Promise.all(
      blocks.map(async (block) => {
        const { userId, itemId } = block
        const reading =
          itemId !== undefined
            ? sources.readItemName(itemId, viewer.authorization)
            : sources.readUserName(userId ?? '')
        const name = await orAway(reading)
        return { ...block, name: name === 'away' ? undefined : name }
      }),
    )
    return blocksPage(viewer, named, notes)
  }
  pages.get(
    PAGE,
    show((viewer, _request, notes) => make(viewer, notes)),
  )
  pages.post(
    PAGE,
    answerAct(identity, { page: PAGE }, async (viewer, _caller, { body }) => {
      const [userId, itemId] = [fieldOf(body, 'userId'), fieldOf(body, 'itemId')]
      const number = fieldOf(body, 'number')
      const isOfLot = UUID.test(itemId) && /^[1-9]\d{0,8}$/.test(number)
      if (!isOfLot && !UUID.test(userId)) return { to: viewer.to(PAGE) }
      const answer = isOfLot
        ? await sources.unblockBidder(itemId, number, viewer.authorization)
        : await sources.unblockAccount(userId, viewer.authorization)
      if (answer.status < 300) return { to: viewer.to(`${PAGE}?said=unblocked`) }
      const problems = [problemOf(answer.body as unknown as Refusal, viewer.talk)]
      return { statusCode: answer.status, markup: await make(viewer, { problems }), isSecret: true }
    }),
  )
}

function leaveRoutes(pages: PageRoutes, { identity, notifications }: AccountRoutesOptions): void {
  const PAGE = '/account/delete'
  pages.get(
    PAGE,
    show(async (viewer, request) => {
      await identity.readAccount(request)
      return leavePage(viewer, { days: await identity.readDeletionDays(request) })
    }),
  )
  pages.post(PAGE, (sender, request, reply) =>
    answerAct(identity, { page: PAGE }, async (viewer, caller) => {
      const days = await identity.readDeletionDays(request)
      const refuse = (statusCode: number, problems: readonly Problem[]): PageAnswer => {
        return { statusCode, markup: leavePage(viewer, { problems, days }), isSecret: true }
      }
      if (fieldOf(request.body, 'sure') !== 'yes') {
        return refuse(422, [{ field: 'sure', text: viewer.talk.t.account.sureMissing }])
      }
      const answer = await caller.ask('DELETE', '/identity/me')
      if (!isDone(answer)) {
        return refuse(answer.status, [
          problemAt(viewer, answer, []),
          ...obligationsOf(viewer, answer),
        ])
      }
      // Pages of the account leave the browser's memory, also those behind the back button, and so does the script that
      // shows notices while no page is open.
      reply.header('clear-site-data', '"cache", "storage"')
      // Other browsers would show notices for days. Only now: who is refused keeps them.
      await endPush(notifications, request)
      const deletedAfter = String(answer.body.deletedAfter)
      // By the answer: the days may have come of another version of identity, or of a setting that has changed since.
      const isForGood = Date.parse(deletedAfter) - Date.now() < HOUR_MS
      return { markup: closedPage(viewer, { deletedAfter, isForGood }), isSecret: true }
    })(sender, request, reply),
  )
}

function obligationsOf({ talk }: Viewer, { body }: IdentityAnswer): Problem[] {
  const { obligations: texts } = talk.t.account
  const { obligations } = (body.details ?? {}) as { obligations?: { kind?: unknown }[] }
  return (obligations ?? []).flatMap(({ kind }) => {
    const isKnown = typeof kind === 'string' && Object.hasOwn(texts, kind)
    return isKnown ? [{ text: texts[kind as keyof typeof texts] }] : []
  })
}

/** Where a page, or a script, needs the proof before it can do anything. */
function proofRoutes(pages: PageRoutes, identity: Identity): void {
  const PAGE = '/account/proof'
  const target = (from: unknown) => returnPath(fieldOf(from, 'returnTo'))
  pages.get(PAGE, async (viewer, request) => {
    if (!viewer.isLoggedIn) return { to: loginFor(viewer, viewer.path) }
    return askProofFor(identity, viewer, request, target(request.query))
  })
  pages.post(PAGE, (sender, request, reply) => {
    const to = target(request.body)
    return answerAct(identity, { page: '/account' }, async () => ({ to }))(sender, request, reply)
  })
}
