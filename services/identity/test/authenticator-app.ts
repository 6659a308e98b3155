import { generate } from 'otplib'
import type { startIdentity } from './helper.ts'

type Identity = Awaited<ReturnType<typeof startIdentity>>

/** The code an authenticator app shows now, or would show some steps of 30 seconds later. */
export function codeOf(secret: string, stepsAhead = 0): Promise<string> {
  return generate({ secret, epoch: Math.floor(Date.now() / 1000) + stepsAhead * 30 })
}

/** Calls as the bearer of a token. */
export function bearer({ app }: Pick<Identity, 'app'>, token: string) {
  const headers = { authorization: `Bearer ${token}` }
  return {
    get: (path: string) => app.inject({ url: `/identity/${path}`, headers }),
    post: (path: string, payload?: object) =>
      app.inject({
        method: 'POST',
        url: `/identity/${path}`,
        headers,
        ...(payload && { payload }),
      }),
  }
}

/**
 * A registered user who just turned two-factor on, with the code that this spent: an app may show the next one
 * a moment later.
 */
export async function enrol(identity: Identity, email: string) {
  const { id } = (await identity.register({ email })).json()
  const { token, refreshToken } = (await identity.login({ email })).json()
  const as = bearer(identity, token)
  const { secret, otpauthUri } = (await as.post('2fa/enable')).json()
  const spentCode = await codeOf(secret)
  const verified = await as.post('2fa/verify', { code: spentCode })
  const { recoveryCodes } = verified.json() as { recoveryCodes: string[] }
  return {
    id: id as string,
    email,
    token: token as string,
    refreshToken: refreshToken as string,
    as,
    secret: secret as string,
    otpauthUri: otpauthUri as string,
    spentCode,
    recoveryCodes,
  }
}
