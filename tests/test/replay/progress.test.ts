import t from 'tap'
import { createProgress } from '#src/replay/progress.ts'

function output(isTTY: boolean) {
  const written: string[] = []
  return { isTTY, columns: 40, written, write: (text: string) => written.push(text) }
}

t.test('on a terminal one line is rewritten, and lines that stay take its place', (t) => {
  let nowMs = 0
  const terminal = output(true)
  const progress = createProgress(terminal, () => nowMs)
  progress.update('1 of 3')
  progress.update('too soon')
  nowMs = 1_000
  progress.update(`2 of 3 ${'.'.repeat(60)}`)
  progress.line('slower')
  progress.end()
  const clear = '\r\u001b[K'
  t.strictSame(terminal.written, [
    `${clear}1 of 3`,
    `${clear}2 of 3 ${'.'.repeat(32)}`,
    `${clear}slower\n`,
    clear,
  ])
  t.end()
})

t.test('elsewhere there is a line every five seconds', (t) => {
  let nowMs = 0
  const file = output(false)
  const progress = createProgress(file, () => nowMs)
  for (; nowMs <= 10_000; nowMs += 1_000) progress.update(`at ${nowMs}`)
  progress.end()
  t.strictSame(file.written.filter(Boolean), ['at 0\n', 'at 5000\n', 'at 10000\n'])
  t.end()
})
