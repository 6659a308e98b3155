import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { fillOwnFolder } from '#src/install/own-folder.ts'

t.test('a folder of ours is filled once for each content, and never by half', async (t) => {
  const parent = t.testdir()
  const folder = join(parent, 'programs/tool')
  const fills: string[] = []
  const fill = (content: string) =>
    fillOwnFolder(folder, content, async (fresh) => {
      fills.push(content)
      await writeFile(join(fresh, `tool-${content}`), content)
    })
  await fill('1')
  await fill('1')
  t.same(fills, ['1'])
  const failing = fillOwnFolder(folder, '2', async (fresh) => {
    await writeFile(join(fresh, 'half'), '')
    throw new Error('the download was cut off')
  })
  await t.rejects(failing, { message: 'the download was cut off' })
  t.ok(existsSync(join(folder, 'tool-1')), 'what was there stays')
  await Promise.all([fill('3'), fill('3')])
  t.same(readdirSync(folder).sort(), ['installed', 'tool-3'])
  t.equal(readFileSync(join(folder, 'tool-3'), 'utf8'), '3')
  t.same(readdirSync(join(parent, 'programs')), ['tool'], 'and nothing else is left')
})
