import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Teardown } from '@auction/common/testing/database.ts'
import { freePorts } from '@auction/common/testing/ports.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import { ensureTraefik } from '@auction/local/install/traefik.ts'
import { PROGRAMS_DIR } from '@auction/local/platform.ts'
import { createProcessTable } from '@auction/local/process-table.ts'

/**
 * What must never be built: a service that believes X-User-Id, behind a gateway that lets it
 * through. Answers the secrets to every caller that claims to be the user.
 */
export async function startNaive(
  t: Teardown,
  userId: string,
  secrets: readonly string[],
): Promise<{ gatewayUrl: string; serviceUrl: string }> {
  const server = createServer((request, response) => {
    request.resume()
    const isUser = request.headers['x-user-id'] === userId
    response.writeHead(isUser ? 200 : 401, { 'content-type': 'application/json' })
    response.end(JSON.stringify(isUser ? secrets : { code: 'unauthenticated' }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const serviceUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const stateDir = mkdtempSync(join(tmpdir(), 'naive-gateway-'))
  const [port = 0] = await freePorts(1)
  const dynamicFile = join(stateDir, 'dynamic.yaml')
  const staticFile = join(stateDir, 'traefik.yaml')
  // JSON is YAML.
  writeFileSync(dynamicFile, JSON.stringify(passEverything(serviceUrl)))
  writeFileSync(
    staticFile,
    JSON.stringify({
      global: { checkNewVersion: false, sendAnonymousUsage: false },
      providers: { file: { filename: dynamicFile, watch: false } },
      entryPoints: { web: { address: `127.0.0.1:${port}` } },
    }),
  )
  const traefik = createProcessTable(stateDir).spawn({
    name: 'traefik',
    command: await ensureTraefik(PROGRAMS_DIR, () => {}),
    args: [`--configFile=${staticFile}`],
    env: {},
  })
  t.teardown(async () => {
    await traefik.stop()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    rmSync(stateDir, { recursive: true, force: true })
  })
  const gatewayUrl = `http://127.0.0.1:${port}`
  await waitFor('the naive gateway', () =>
    fetch(gatewayUrl).then(
      ({ status }) => status === 401,
      () => false,
    ),
  )
  return { gatewayUrl, serviceUrl }
}

function passEverything(url: string): object {
  return {
    http: {
      routers: { all: { rule: 'PathPrefix(`/`)', service: 'naive' } },
      services: { naive: { loadBalancer: { servers: [{ url }] } } },
    },
  }
}
