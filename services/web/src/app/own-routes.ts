import { LoginNeededError } from '#src/infra/http/service-client.ts'
import { loginFor, type PageAnswer, type PageRoutes } from './page-routes.ts'

/**
 * Pages of users only: a visitor logs in first, and comes back to the page, or to that of the form. Nothing of them
 * stays in the browser.
 */
export function ownRoutes(pages: PageRoutes): PageRoutes {
  const secret = (page: PageAnswer): PageAnswer =>
    'to' in page ? page : { ...page, isSecret: true }
  return {
    get(url, handler) {
      pages.get(url, async (viewer, request, ...more) => {
        if (!viewer.isLoggedIn) return { to: loginFor(viewer, request.originalUrl) }
        return secret(await handler(viewer, request, ...more))
      })
    },
    post(url, handler) {
      pages.post(url, async (viewer, request, ...more) => {
        if (!viewer.isLoggedIn) throw new LoginNeededError('a visitor sent a form of users')
        return secret(await handler(viewer, request, ...more))
      })
    },
  }
}
