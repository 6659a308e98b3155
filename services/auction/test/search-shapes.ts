import type { SearchWorld } from './search-world.ts'

export interface SearchShape {
  name: string
  query: Record<string, string>
  /** How many pages further; deep positions must cost what the first one does. */
  pages?: number
}

/** One search of each kind that the API offers. */
export function searchShapes({ word, categories, sellers }: SearchWorld): SearchShape[] {
  const [group, other] = categories
  const usd = { currencyCode: 'USD' }
  const category = { category: group?.id ?? '' }
  const common = word(30)
  const usual = word(400)
  const shapes: Record<string, Record<string, string>> = {
    everything: {},
    'common word': { q: common },
    'usual word': { q: usual },
    'two words': { q: `${common} ${word(60)}` },
    'rare word': { q: word(4_500) },
    'wrong letter': { q: misspell(usual) },
    'two wrong words': { q: `${misspell(usual)} ${misspell(word(900))}` },
    'category subtree': category,
    'leaf, newest': { category: other?.leaf ?? '', sort: 'newest' },
    'price range, by price': { ...usd, minPrice: '50', maxPrice: '80', sort: 'price' },
    'price range, dearest': { ...usd, minPrice: '500', sort: '-price' },
    'attribute value': { attribute: 'colour:grey' },
    'attribute range': { ...category, attribute: 'width:10..12' },
    'rare attribute': { attribute: `maker:${word(2_000)}` },
    'ending within an hour': { endingWithinMinutes: '60' },
    'buy now, most bids': { buyNow: 'true', sort: '-bids' },
    seller: { seller: sellers.at(20) ?? sellers[0] ?? '' },
    newest: { sort: 'newest' },
    'type, most bids': { type: 'english', sort: '-bids' },
    expired: { status: 'expired', sort: 'newest' },
    'word by price': { ...usd, q: common, minPrice: '5', maxPrice: '50', sort: 'price' },
    'word, by end': { q: usual, sort: 'ending' },
    'word, category, price, attribute, buy now': {
      ...usd,
      ...category,
      q: common,
      minPrice: '5',
      maxPrice: '500',
      buyNow: 'true',
      attribute: 'colour:black',
      sort: 'newest',
    },
    'nothing, by word': { q: 'qqqqxx' },
    'nothing, by filters': { ...usd, maxPrice: '0.50', buyNow: 'true' },
  }
  return [
    ...Object.entries(shapes).map(([name, query]) => ({ name, query })),
    { name: 'page 40, by end', query: { limit: '100' }, pages: 39 },
    { name: 'page 20 of a word', query: { q: common, limit: '50' }, pages: 19 },
  ]
}

/** Two letters changed places in the middle of the word. */
function misspell(word: string): string {
  const middle = word.length >> 1
  return `${word.slice(0, middle)}${word[middle + 1] ?? 'x'}${word[middle]}${word.slice(middle + 2)}`
}

const SEARCH = '/api/v1/items/search'

/** The path of a shape, with the cursor of its page. */
export async function pathOf(
  { query, pages = 0 }: SearchShape,
  get: (path: string) => Promise<{ nextCursor?: string }>,
): Promise<string> {
  let path = `${SEARCH}?${new URLSearchParams({ ...query, facets: 'true' })}`
  for (let page = 0; page < pages; page += 1) {
    const { nextCursor } = await get(`${path}`.replace('facets=true', 'facets=false'))
    if (nextCursor === undefined) break
    path = `${SEARCH}?${new URLSearchParams({ ...query, facets: 'true', cursor: nextCursor })}`
  }
  return path
}
