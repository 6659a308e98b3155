import { cookiesOf } from '@auction/common/http/cookies.ts'
import type { FastifyRequest } from 'fastify'
import { isLocale, type Locale, preferredLocale, splitLocale } from '#src/domain/locale.ts'
import { readZone, type Talk, talkOf } from '#src/domain/talk.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The address that people type, without a path or a slash at its end. */
    publicUrl: string
  }
}

/** Who looks at a page, and how it is written for them. */
export interface Viewer {
  /** The gateway put a token there; every service that is asked for something verifies it. */
  isLoggedIn: boolean
  /** That token as a header, for calls in the name of the viewer; empty for visitors. */
  authorization: string | undefined
  /** As the token says; only for what is shown. */
  name: string | undefined
  userId: string | undefined
  /** As the token says; only for links, since every service judges by itself. */
  roles: readonly string[]
  /** The address that people type, for links that others follow. */
  origin: string
  /** Where to come back to after a login. */
  path: string
  talk: Talk
  /** "/de" when the address named the language, else empty: links stay in it. */
  prefix: string
  /** A path of this site in the language of the page. */
  to(path: string): string
}

export function viewerOf({ headers, originalUrl, method, server }: FastifyRequest): Viewer {
  const { authorization } = headers
  const isLoggedIn = authorization?.startsWith('Bearer ') === true
  const named = splitLocale(originalUrl).locale ?? localeOfSender(method, headers.referer)
  const [zone] = [ZONE_COOKIE, 'tz'].flatMap((name) => cookiesOf(headers.cookie, name))
  const locale =
    named ?? chosenLocale(headers.cookie) ?? preferredLocale(headers['accept-language'])
  const prefix = named === undefined ? '' : `/${named}`
  return {
    isLoggedIn,
    authorization: isLoggedIn ? authorization : undefined,
    ...(isLoggedIn ? claimsOf(authorization ?? '') : NO_CLAIMS),
    origin: server.publicUrl,
    path: method === 'POST' ? '/account' : originalUrl,
    talk: talkOf(locale, readZone(zone === undefined ? undefined : decoded(zone))),
    prefix,
    to: (path) => `${prefix}${path}`,
  }
}

/** For links and for pages in words; each service judges by itself. */
export const isAdmin = ({ roles }: Viewer): boolean => roles.includes('admin')
export const isModerator = (viewer: Viewer): boolean =>
  isAdmin(viewer) || viewer.roles.includes('moderator')

/** The same viewer at the address with these parameters only: others change nothing, and would make pages differ. */
export function withParameters(viewer: Viewer, values: Readonly<Record<string, string>>): Viewer {
  const [path = ''] = viewer.path.split('?')
  const query = new URLSearchParams(Object.entries(values).filter(([, value]) => value !== ''))
  return { ...viewer, path: query.size === 0 ? path : `${path}?${query}` }
}

/** The same viewer where a page has English texts only, so that its language is not said wrongly. */
export const inEnglish = (viewer: Viewer): Viewer => ({
  ...viewer,
  talk: talkOf('en', viewer.talk.zone),
})

/** What the user chose on the account page; it wins over what the browser says, and is not the script's `tz`. */
export const ZONE_COOKIE = 'zone'
export const LOCALE_COOKIE = 'lang'

function chosenLocale(header: string | undefined): Locale | undefined {
  const [chosen = ''] = cookiesOf(header, LOCALE_COOKIE)
  return isLocale(chosen) ? chosen : undefined
}

/** Some forms are sent to addresses without a language; the page that they were on has one. */
function localeOfSender(method: string, referer: string | undefined): Locale | undefined {
  if (method !== 'POST' || referer === undefined || !URL.canParse(referer)) return undefined
  return splitLocale(new URL(referer).pathname).locale
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}

type Claims = Pick<Viewer, 'name' | 'userId' | 'roles'>
const NO_CLAIMS: Claims = { name: undefined, userId: undefined, roles: [] }

function claimsOf(authorization: string): Claims {
  const [, payload = ''] = authorization.split('.')
  try {
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as unknown
    const { name, sub, roles } = (claims ?? {}) as Record<string, unknown>
    return {
      name: typeof name === 'string' ? name : undefined,
      userId: typeof sub === 'string' ? sub : undefined,
      roles: Array.isArray(roles) ? roles.filter((role) => typeof role === 'string') : [],
    }
  } catch {
    return NO_CLAIMS
  }
}
