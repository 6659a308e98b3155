import type { IncomingHttpHeaders } from 'node:http'

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Whether a request of this method changes something, so that its sender must be a page of ours. */
export const isUnsafe = (method: string) => !SAFE_METHODS.has(method)

/**
 * Whether a page of this very origin sent the request. Browsers say so in Sec-Fetch-Site, which no
 * page can set; another port of the same host is `same-site` and refused. A browser that does not
 * send it (an old one, or plain http on another host than localhost) sends Origin with a request
 * that changes something. What sends neither is no browser that we know, and is refused too.
 */
export function isFromOwnPage(
  headers: Pick<IncomingHttpHeaders, 'origin'> & { 'sec-fetch-site'?: unknown },
  publicUrl: string,
): boolean {
  const site = headers['sec-fetch-site']
  if (site !== undefined) return site === 'same-origin'
  return headers.origin === new URL(publicUrl).origin
}
