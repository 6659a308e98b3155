import { readCommandLine } from '@auction/common/process/command-line.ts'
import { DEMO_PEOPLE } from '@auction/local/demo.ts'
import { ensureLighthouse } from '@auction/local/install/lighthouse.ts'
import { PROGRAMS_DIR } from '@auction/local/platform.ts'
import { openPage, send, startBrowser } from '#src/browser/browser.ts'
import { seedShop } from '#src/browser/demo-shop.ts'
import { withOwnPlatform } from '#src/own-platform.ts'

const HELP = `npm run lighthouse -w tests [-- --only home,sell] [--details]

Lighthouse as on a phone, on the pages of a shop with the demo in it; each category is to have 95 of 100 points.
Performance means something on a quiet machine only. --details says what cost points.`

const POINTS_MIN = 95

const { values } = readCommandLine({
  help: HELP,
  options: {
    only: { type: 'string', default: 'home,search,lot,sell,account' },
    details: { type: 'boolean', default: false },
  },
})

interface Audit {
  title: string
  score: number | null
  displayValue?: string
}
interface Category {
  title: string
  score: number | null
  auditRefs: readonly { id: string; weight: number }[]
}
/** What we read of Lighthouse's report. */
interface Report {
  categories: Record<string, Category>
  audits: Record<string, Audit>
}
interface Lighthouse {
  default(url: string, flags: object): Promise<{ lhr: Report } | undefined>
}

const log = (line: string) => console.log(`  ${line}`)
const { default: lighthouse } = (await import(
  await ensureLighthouse(PROGRAMS_DIR, log)
)) as Lighthouse
let stateDir = ''
const isFine = await withOwnPlatform(
  {
    name: 'lighthouse',
    log,
    onFolder: (folder) => {
      stateDir = folder
    },
  },
  async (platform) => {
    await seedShop(platform, stateDir)
    const origin = platform.gatewayUrl.replace('127.0.0.1', 'localhost')
    const found = await fetch(`${platform.gatewayUrl}/api/v1/items/search?q=walnut`)
    const [desk] = ((await found.json()) as { items: { id: string }[] }).items
    const [ada] = DEMO_PEOPLE
    const browser = await startBrowser(log)
    try {
      const measure = async (name: string, path: string, isForRobots = true): Promise<boolean> => {
        if (!values.only.split(',').includes(name)) return true
        const report = await lighthouse(`${origin}${path}`, {
          port: Number(new URL(browser.wsEndpoint()).port),
          logLevel: 'error',
          // Who is logged in stays so.
          disableStorageReset: true,
          // robots.txt keeps search engines away from some pages, which is no fault of theirs.
          skipAudits: isForRobots ? [] : ['is-crawlable'],
        })
        if (report === undefined) throw new Error(`Lighthouse did not answer for ${path}`)
        return show(name, report.lhr)
      }
      const public_ = [
        await measure('home', '/'),
        await measure('search', '/search?q=clock', false),
        await measure('lot', `/lots/${desk?.id}`),
      ]
      const page = await openPage(browser)
      await page.goto(`${origin}/login`)
      await send(page, 'login', { email: ada.email, password: ada.password })
      await page.close()
      const own = [await measure('sell', '/sell'), await measure('account', '/account', false)]
      return [...public_, ...own].every(Boolean)
    } finally {
      await browser.close()
    }
  },
)
process.exit(isFine ? 0 : 1)

/** Prints the points of a page; whether all are enough. */
function show(name: string, { categories, audits }: Report): boolean {
  const all = Object.values(categories)
  const points = ({ score }: Category) => Math.round((score ?? 0) * 100)
  console.log(`${name}: ${all.map((each) => `${each.title} ${points(each)}`).join(', ')}`)
  const figures = ['largest-contentful-paint', 'cumulative-layout-shift', 'total-blocking-time']
  const shown = figures.map((id) => `${audits[id]?.title} ${audits[id]?.displayValue}`)
  console.log(`  ${shown.join(', ')}`)
  for (const category of all) {
    if (!values.details && points(category) >= POINTS_MIN) continue
    for (const { id, weight } of category.auditRefs) {
      const audit = audits[id]
      if (weight > 0 && audit !== undefined && audit.score !== null && audit.score < 1)
        console.log(`  ${category.title}: ${audit.title} (${id}, ${audit.score})`)
    }
  }
  return all.every((each) => points(each) >= POINTS_MIN)
}
