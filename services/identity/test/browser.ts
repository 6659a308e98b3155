import { PERSON, PUBLIC_URL, type startIdentity } from './helper.ts'

type Identity = Awaited<ReturnType<typeof startIdentity>>
type Method = 'GET' | 'POST' | 'DELETE'
type Answer = Awaited<ReturnType<Identity['app']['inject']>>

export const COOKIE = '__Host-session'
export const OWN_PAGE = { 'sec-fetch-site': 'same-origin', origin: PUBLIC_URL }

/** The Set-Cookie lines of an answer. */
export const setCookies = ({ headers }: Answer): string[] =>
  [headers['set-cookie'] ?? []].flat().map(String)

/** The line that sets the session cookie; undefined when none does. */
export const sessionLine = (answer: Answer) =>
  setCookies(answer).find((line) => line.startsWith(`${COOKIE}=`))

/** A browser: it keeps the cookies that it is given and sends them with every request. */
export function openBrowser({ app }: Pick<Identity, 'app'>) {
  const jar = new Map<string, string>()
  const send = async (
    method: Method,
    path: string,
    payload?: object,
    headers: Record<string, string> = OWN_PAGE,
  ): Promise<Answer> => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await app.inject({
      method,
      url: `/identity/${path}`,
      headers: { ...(cookie && { cookie }), ...headers },
      ...(payload && { payload }),
    })
    for (const line of setCookies(answer)) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (line.includes('Max-Age=0')) jar.delete(name)
      else jar.set(name, value)
    }
    return answer
  }
  return {
    jar,
    send,
    get: (path: string, headers?: Record<string, string>) => send('GET', path, undefined, headers),
    post: (path: string, payload?: object) => send('POST', path, payload),
    /** The secret of the session cookie. */
    secret: () => jar.get(COOKIE),
    logIn: (change: object = {}) =>
      send('POST', 'login', {
        email: PERSON.email,
        password: PERSON.password,
        transport: 'cookie',
        ...change,
      }),
  }
}

/** What the gateway asks about a request that carried this cookie. */
export const asGateway = (
  { app }: Pick<Identity, 'app'>,
  headers: Record<string, string>,
  { method = 'GET', path = 'validate' } = {},
) => app.inject({ url: `/identity/${path}`, headers: { 'x-forwarded-method': method, ...headers } })
