import type { App } from '@auction/common/http/server.ts'
import { accountPage } from '#src/app/pages/account/account-page.ts'
import {
  confirmEmailPage,
  forgotPage,
  loginPage,
  registerPage,
  resetPage,
  verifyEmailPage,
} from '#src/app/pages/account/entry-pages.ts'

// The QR code of a two-factor secret comes as a data: picture, and this page alone may show one.
const ACCOUNT_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const PAGES: Readonly<Record<string, string>> = {
  '/account': accountPage(),
  '/account/register': registerPage(),
  '/account/login': loginPage(),
  '/account/forgot': forgotPage(),
  '/account/reset': resetPage(),
  '/account/verify-email': verifyEmailPage(),
  '/account/confirm-email': confirmEmailPage(),
}

/**
 * The pages around an account. They hold no personal data: the script in them asks identity,
 * and the secret of a mailed link stays behind the #, which browsers never send.
 */
export async function accountRoutes(app: App): Promise<void> {
  for (const [url, markup] of Object.entries(PAGES)) {
    app.route({
      method: ['GET', 'HEAD'],
      url,
      config: { auth: 'public' },
      handler: (_request, reply) => {
        reply.header('cache-control', 'no-store').header('referrer-policy', 'no-referrer')
        if (url === '/account') reply.header('content-security-policy', ACCOUNT_POLICY)
        return reply.type('text/html; charset=utf-8').send(markup)
      },
    })
  }
}
