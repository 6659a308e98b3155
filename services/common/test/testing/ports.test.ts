import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { freePorts } from '#src/testing/ports.ts'

const run = promisify(execFile)

t.test('no port is handed out twice, even before a process listens on it', async (t) => {
  const given = (await Promise.all([1, 2, 3, 4].map(() => freePorts(400)))).flat()
  t.equal(new Set(given).size, given.length)
})

t.test('no port is handed out that another process holds and does not use yet', async (t) => {
  const module = new URL('../../src/testing/ports.ts', import.meta.url).href
  const script = `
    const { freePorts } = await import(${JSON.stringify(module)})
    console.log(JSON.stringify(await freePorts(300)))
    process.stdin.resume()`
  // Every process keeps its ports until its input ends, so all of them hold ports at once.
  const others = [1, 2, 3].map(() =>
    run(process.execPath, ['--input-type=module', '-e', script], { maxBuffer: 1_000_000 }),
  )
  const printed = await Promise.all(
    others.map(
      ({ child }) =>
        new Promise<number[]>((resolve) => {
          let text = ''
          child.stdout?.on('data', (chunk: string) => {
            text += chunk
            if (text.endsWith('\n')) resolve(JSON.parse(text) as number[])
          })
        }),
    ),
  )
  const given = [...printed.flat(), ...(await freePorts(300))]
  for (const { child } of others) child.stdin?.end()
  await Promise.all(others)
  t.equal(given.length, 1_200)
  t.equal(new Set(given).size, given.length)
})
