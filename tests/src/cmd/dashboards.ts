import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { readCommandLine } from '@auction/common/process/command-line.ts'
import { startPlatform } from '@auction/local/platform.ts'
import { removePostgresData } from '@auction/local/postgres.ts'
import { createClient } from '#src/api-client.ts'
import { startBrowser } from '#src/browser/browser.ts'
import { drawDashboards } from '#src/observability/pictures.ts'
import { startPrometheus } from '#src/observability/prometheus.ts'
import { startTraffic } from '#src/observability/traffic.ts'

const HELP = `npm run dashboards -w tests -- [--out FOLDER] [--seconds N]

Starts a platform with a real Prometheus, loads it for a while and draws every dashboard of the chart
from what was measured, one PNG each. KEDA's panels need a cluster and stay empty.`

const { values } = readCommandLine({
  help: HELP,
  options: {
    out: { type: 'string', default: 'dashboards' },
    seconds: { type: 'string', default: '120' },
  },
})
const seconds = Number(values.seconds)
const folder = values.out
mkdirSync(folder, { recursive: true })
const stateDir = mkdtempSync(join(tmpdir(), 'auction-dashboards-'))
const platform = await startPlatform({ stateDir, log: console.log })
const client = createClient({ baseUrl: platform.gatewayUrl })
const browser = await startBrowser(console.log)
const prometheus = await startPrometheus(platform, stateDir, console.log)
try {
  const traffic = await startTraffic(client, platform)
  await wait(seconds * 1000)
  for (const path of await drawDashboards(browser, prometheus, { folder, seconds }))
    console.log(path)
  await traffic.stop()
} finally {
  // Whatever failed: nothing else ends it, and it would outlive its folder.
  await prometheus.stop()
  await browser.close()
  client.close()
  await platform.stop()
  removePostgresData(stateDir)
  rmSync(stateDir, { recursive: true, force: true })
}
