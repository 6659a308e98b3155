import { escapeText } from '@auction/common/html.ts'
import type { Catalogue } from '#src/infra/http/catalogue.ts'

const PAGE_SIZE = 100
/** A sitemap may have 50,000 addresses; this is what is read of an auction in a few seconds. */
const LOTS_MAX = 5_000
const KEPT_MS = 600_000

/**
 * The addresses that search engines may read: the open lots, those that end first, and categories. Made at most every ten
 * minutes; while auction is away the last one goes on.
 */
export function createSitemap(
  catalogue: Pick<Catalogue, 'listItems' | 'readCategories'>,
  origin: string,
  monotonicMs: () => number = () => performance.now(),
): () => Promise<string> {
  const make = async (): Promise<string> => {
    const categories = await catalogue.readCategories()
    const paths = ['/', '/lots', '/help', '/fees', '/terms']
    paths.push(...categories.map(({ id }) => `/categories/${id}`))
    for (let page = 1; page <= LOTS_MAX / PAGE_SIZE; page += 1) {
      const list = await catalogue.listItems({
        status: 'active',
        page,
        limit: PAGE_SIZE,
        sort: 'endDate',
      })
      paths.push(...list.items.map(({ id }) => `/lots/${id}`))
      if (page >= list.totalPages) break
    }
    // A lot that moved to another page meanwhile would be there twice.
    const lines = [...new Set(paths)].map(
      (path) => `<url><loc>${escapeText(origin + path)}</loc></url>`,
    )
    return `<?xml version="1.0" encoding="UTF-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
${lines.join('\n')}
</urlset>
`
  }
  let made: { atMs: number; text: string } | undefined
  let making: Promise<string> | undefined
  return () => {
    if (made !== undefined && monotonicMs() - made.atMs < KEPT_MS) return Promise.resolve(made.text)
    making ??= make()
      .then((text) => {
        made = { atMs: monotonicMs(), text }
        return text
      })
      .catch((error: unknown) => {
        if (made === undefined) throw error
        return made.text
      })
      .finally(() => {
        making = undefined
      })
    return making
  }
}
