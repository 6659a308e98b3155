import { pbkdf2 } from 'node:crypto'
import { Type } from 'typebox'
import { buildServer } from '#src/http/server.ts'
import { PROCESS_SETTINGS, readConfig } from '#src/process/config.ts'
import { runService } from '#src/process/service-process.ts'

/** A process like those of cmd/, with a way for each thing that can go wrong in one. */
const config = readConfig(
  Type.Object({ ...PROCESS_SETTINGS, FAILURE: Type.String({ default: '' }) }),
  process.env,
)

await runService('toy', config, async ({ log, registry, lifecycle }) => {
  if (config.FAILURE === 'start') throw new Error('no toys today')
  if (config.FAILURE === 'threads') {
    occupyThreads()
    log.info('threads occupied')
    throw new Error('no threads today')
  }
  for (const name of ['database', 'broker', 'relay'])
    lifecycle.onStop(name, () => {
      log.info({ step: name }, 'step done')
      if (config.FAILURE === name) throw new Error(`${name} would not stop`)
    })
  const app = await buildServer({ service: 'toy', log, registry })
  let isWell = true
  app.get('/', { config: { auth: 'public' } }, () => ({ pid: process.pid }))
  app.post('/ill', { config: { auth: 'public' } }, () => {
    isWell = false
    return {}
  })
  app.post('/reject', { config: { auth: 'public' } }, () => {
    void Promise.reject(new Error('not caught'))
    return {}
  })
  app.post('/throw', { config: { auth: 'public' } }, () => {
    setImmediate(() => {
      throw new Error('not caught')
    })
    return {}
  })
  return { app, checks: { health: () => isWell } }
})

/** As passwords, or a DNS server that does not answer, do: nothing in the background goes on. */
function occupyThreads(): void {
  for (let thread = 0; thread < 4; thread += 1)
    pbkdf2('password', 'salt', 200_000, 64, 'sha512', () => undefined)
}
