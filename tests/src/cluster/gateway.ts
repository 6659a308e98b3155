import { request } from 'node:http'
import { fileURLToPath } from 'node:url'
import { run } from './commands.ts'
import type { Court } from './judging.ts'

const TESTS_DIR = fileURLToPath(new URL('../..', import.meta.url))
const TAP = fileURLToPath(new URL('../../../node_modules/.bin/tap', import.meta.url))
/** naive.test.ts attacks a service of its own, so it says nothing of an installation. */
const SUITE = ['gateway/smuggling.test.ts', 'gateway/matrix.test.ts', 'gateway/cookies.test.ts']

/** The tests of the gateway, as `make test` runs them against one of its own. */
export async function tryGateway(court: Court, certificateFile?: string): Promise<void> {
  const { gateway, log, fail } = court
  if (certificateFile !== undefined) await tryRedirect(court)
  const env = {
    ...process.env,
    GATEWAY_URL: gateway.baseUrl,
    // The charts leave the plugin off, which a cluster's Traefik may not have.
    GATEWAY_ERROR_BODIES: 'false',
    ...(certificateFile === undefined ? {} : { GATEWAY_CA: certificateFile }),
  }
  for (const file of SUITE) {
    const startedAtMs = performance.now()
    const args = [TAP, '--reporter=tap', '--disable-coverage', '--timeout=300', file]
    const said = await run(process.execPath, args, { env, cwd: TESTS_DIR }).catch((error) => {
      fail(file)
      return String(error.cause?.stdout ?? error)
    })
    for (const [line] of said.matchAll(/^ *not ok .*$/gm)) log(`  ${line.trim()}`)
    const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1)
    const passed = said.match(/^\s+ok \d+/gm)?.length ?? 0
    log(`  ${file}: ${passed} assertions held in ${seconds} s`)
    for (const [comment] of said.matchAll(/^\s+# \d+ (variants|guarded|routes).*$/gm))
      log(`  ${comment.trim()}`)
  }
}

/** Who comes without TLS is sent to it, whatever they ask for. */
async function tryRedirect({ gateway, log, fail }: Court): Promise<void> {
  const { host, hostname } = new URL(gateway.baseUrl)
  for (const path of ['/', '/api/v1/items?page=2']) {
    const { status, location } = await ask(`http://${hostname}${path}`)
    const expected = `https://${host}${path}`
    const isRight = (status === 301 || status === 308) && location === expected
    log(`  http ${path}: ${status} to ${location}`)
    if (!isRight) fail(`http ${path} does not lead to ${expected}`)
  }
}

function ask(url: string): Promise<{ status: number; location: string | undefined }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, (response) => {
      response.resume()
      resolve({ status: response.statusCode ?? 0, location: response.headers.location })
    })
    outgoing.on('error', reject)
    outgoing.end()
  })
}
