/// <reference lib="dom" />
// What is handed to the page runs there.
import { htmlFaults } from '@auction/common/testing/valid-html.ts'
import axe from 'axe-core'
import type { Page } from 'puppeteer-core'
import { visit } from './phone.ts'

/** WCAG 2.2 AA, and what else makes a page hard to use. */
const KINDS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

/** The rules whose answer depends on colours and places; all others read the tree, which is the same in every look. */
const LOOK_RULES = [
  'color-contrast',
  'link-in-text-block',
  'scrollable-region-focusable',
  'target-size',
]

/** A page is looked at in both, so that each scheme and each direction of writing is seen once. */
const LOOKS = [
  { scheme: 'light', direction: 'ltr', run: { type: 'tag', values: KINDS } },
  { scheme: 'dark', direction: 'rtl', run: { type: 'rule', values: LOOK_RULES } },
] as const

type RunOnly = (typeof LOOKS)[number]['run']

/** Opens a page and returns what the HTML standard and axe find wrong with it. */
export async function pageFaults(page: Page, url: string): Promise<string[]> {
  const response = await visit(page, url)
  const faults = response === null ? ['no answer'] : htmlFaults(await response.text())
  for (const { scheme, direction, run } of LOOKS) {
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
    // No language of ours is written from right to left; the layout must not mind.
    await page.evaluate((dir) => document.documentElement.setAttribute('dir', dir), direction)
    const found = await axeFaults(page, run)
    faults.push(...found.map((fault) => `${scheme} ${direction}: ${fault}`))
  }
  return faults
}

/** What axe finds wrong with the page as it is shown now. */
export async function axeFaults(page: Page, run: RunOnly = LOOKS[0].run): Promise<string[]> {
  const isThere = await page.evaluate(() => 'axe' in window)
  if (!isThere) await page.evaluate(axe.source)
  return page.evaluate(async ({ type, values }) => {
    const { violations } = await (window as unknown as { axe: typeof axe }).axe.run(document, {
      runOnly: { type, values: [...values] },
      resultTypes: ['violations'],
    })
    return violations.flatMap(({ id, help, nodes }) =>
      nodes.map(({ target }) => `${target.join(' ')}: ${help} (${id})`),
    )
  }, run)
}

const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g
const LANGUAGE = /^\/(de|en|tr)(?=\/|$)/
/** Documents and APIs, which are no pages of ours; the list of events takes axe a third of a minute. */
const NO_PAGE = /^\/(api|assets|docs|events\.html|identity|sitemap\.xml)|\.(csv|json|pdf|yaml)$/

/** "/lots/:id" for the page of each lot: pages of one kind are alike. */
export const kindOf = (path: string): string =>
  path.replace(UUID, ':id').replace(/\d{4}-\d{2}$/, ':month')

/** The pages that this one links to, without parameters, in the language of the address. */
export async function linkedPages(page: Page): Promise<string[]> {
  const links = await page.$$eval('a[href]', (all) =>
    all.map((link) => (link as HTMLAnchorElement).href),
  )
  const { origin } = new URL(page.url())
  return links
    .filter((link) => URL.canParse(link))
    .map((link) => new URL(link))
    .filter((link) => link.origin === origin)
    .map(({ pathname }) => pathname)
    .filter((path) => !LANGUAGE.test(path) && !NO_PAGE.test(path))
}
