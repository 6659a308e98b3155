import { randomUUID } from 'node:crypto'
import { copyFile, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DOCS } from '@auction/local/service-list.ts'
import t from 'tap'
import { createClient } from '#src/api-client.ts'
import { insist } from '#src/people.ts'
import { createPlatform } from '../test/helper.ts'
import { findTools, type Ran, run } from './tools.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const here = (name: string) => fileURLToPath(new URL(`clients/${name}`, import.meta.url))
const folder = t.testdir()
const tools = await findTools((line) => t.comment(line))
const { platform } = await createPlatform(t)
const { gatewayUrl } = platform

const client = createClient({ baseUrl: gatewayUrl })
t.teardown(() => client.close())
const documents = new Map<string, string>()
for (const [service, path] of DOCS) {
  const { body } = await insist(client, 'GET', `${path}/openapi.json`, { accept: [200] })
  const file = join(folder, `${service}.json`)
  await writeFile(file, JSON.stringify(body))
  documents.set(service, file)
}

const BOUGHT = {
  bid: 'leading',
  leads: true,
  price: '10.00',
  isBuyer: true,
  won: 1,
  status: 'won',
}

function succeed({ code, stdout, stderr }: Ran): string {
  if (code !== 0) throw new Error(`it ended with code ${code}:\n${stdout}\n${stderr}`)
  return stdout
}

t.test('a TypeScript client that is generated compiles under our rules, and buys', async (t) => {
  const project = join(folder, 'typescript')
  await mkdir(project)
  for (const [service, document] of documents) {
    const output = ['-o', join(project, `${service}.ts`)]
    succeed(await tools.node('openapi-typescript/bin/cli.js', [document, ...output]))
  }
  await copyFile(here('buy.ts'), join(project, 'buy.ts'))
  await symlink(tools.nodeModules, join(project, 'node_modules'))
  await writeFile(join(project, 'package.json'), JSON.stringify({ type: 'module' }))
  const compilerOptions = {
    // Also of what is generated: declarations of libraries are ours to check here.
    skipLibCheck: false,
    typeRoots: [join(root, 'node_modules/@types')],
    lib: ['es2024', 'dom'],
  }
  const config = { extends: join(root, 'tsconfig.base.json'), compilerOptions, include: ['*.ts'] }
  await writeFile(join(project, 'tsconfig.json'), JSON.stringify(config))
  succeed(await run(join(root, 'node_modules/.bin/tsc'), ['-p', project]))
  const bought = await run(process.execPath, ['buy.ts', gatewayUrl, randomUUID().slice(0, 8)], {
    cwd: project,
  })
  t.strictSame(JSON.parse(succeed(bought)), BOUGHT)
})

t.test('a Python client that is generated compiles, and buys', async (t) => {
  const project = join(folder, 'python')
  await mkdir(project)
  const config = join(project, 'config.json')
  for (const [service, document] of documents) {
    const settings = {
      package_name_override: `${service}_client`,
      literal_enums: true,
      // The generator knows a few types of content; of these it gives the bytes.
      content_type_overrides: {
        'application/pdf': 'application/octet-stream',
        'image/webp': 'application/octet-stream',
        'message/rfc822': 'application/octet-stream',
        'text/csv': 'application/octet-stream',
      },
      // Nothing is formatted afterwards: what runs is what was generated.
      post_hooks: [],
    }
    await writeFile(config, JSON.stringify(settings))
    const output = ['--meta', 'none', '--output-path', join(project, `${service}_client`)]
    const generate = ['generate', '--path', document, '--config', config, '--fail-on-warning']
    const program = join(tools.pythonPath, 'bin/openapi-python-client')
    succeed(await tools.python([program, ...generate, ...output]))
  }
  succeed(await run('python3', ['-m', 'compileall', '-q', project]))
  const bought = await tools.python([here('buy.py'), gatewayUrl, randomUUID().slice(0, 8)], {
    env: { PYTHONPATH: project },
  })
  t.strictSame(JSON.parse(succeed(bought)), BOUGHT)
})
