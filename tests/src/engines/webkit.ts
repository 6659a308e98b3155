import { type ChildProcess, spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { freePorts } from '@auction/common/testing/ports.ts'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import { ensureWebkit } from '@auction/local/install/engines.ts'
import type { Engine } from './engine.ts'

/** The key under which WebDriver hands over an element. */
const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf'

/** WebKitGTK over WebDriver, in a window on a screen that no one sees. */
export async function startWebkit(log: (line: string) => void): Promise<Engine> {
  const programs = ensureWebkit(log)
  const [port = 0] = await freePorts(1)
  const screen = spawn(programs.screen, ['-displayfd', '3', '-screen', '0', '900x1000x24'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  })
  const display = await firstLine(screen)
  const driver = spawn(programs.driver, [`--port=${port}`], {
    env: { ...process.env, DISPLAY: `:${display}`, GDK_BACKEND: 'x11' },
    stdio: 'ignore',
  })
  const stop = () => {
    driver.kill('SIGKILL')
    screen.kill('SIGKILL')
  }
  try {
    return await openSession(`http://127.0.0.1:${port}`, programs.browser, stop)
  } catch (error) {
    stop()
    throw error
  }
}

function firstLine(screen: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    screen.once('error', reject)
    screen.once('exit', (code) => reject(new Error(`Xvfb ended with ${code}`)))
    screen.stdio[3]?.once('data', (chunk: Buffer) => resolve(String(chunk).trim()))
  })
}

async function openSession(driver: string, binary: string, stop: () => void): Promise<Engine> {
  await waitFor('WebKitWebDriver', async () =>
    fetch(`${driver}/status`).then(
      (answer) => answer.ok,
      () => false,
    ),
  )
  const capabilities = {
    alwaysMatch: { 'webkitgtk:browserOptions': { binary, args: ['--automation'] } },
  }
  const created = await ask<{ sessionId: string; capabilities: Record<string, unknown> }>(
    'POST',
    `${driver}/session`,
    { capabilities },
  )
  const session = `${driver}/session/${created.sessionId}`
  const find = async (selector: string) => {
    const value = { using: 'css selector', value: selector }
    const found = await ask<Record<string, string>[]>('POST', `${session}/elements`, value)
    return found[0]?.[ELEMENT]
  }
  const insist = async (selector: string) => {
    const element = await find(selector)
    if (element === undefined) throw new Error(`there is no ${selector}`)
    return `${session}/element/${element}`
  }
  const { browserName, browserVersion } = created.capabilities
  return {
    title: `WebKitGTK (${browserName} ${browserVersion})`,
    open: (url) => ask('POST', `${session}/url`, { url }),
    address: () => ask<string>('GET', `${session}/url`),
    text: (selector) =>
      ask<string | null>('POST', `${session}/execute/sync`, {
        script: 'return document.querySelector(arguments[0])?.textContent ?? null',
        args: [selector],
      }).then((text) => text ?? undefined),
    async type(selector, text) {
      const element = await insist(selector)
      await ask('POST', `${element}/clear`, {})
      await ask('POST', `${element}/value`, { text })
    },
    async click(selector) {
      await ask('POST', `${await insist(selector)}/click`, {})
    },
    async screenshot(file) {
      const base64 = await ask<string>('GET', `${session}/screenshot`)
      await writeFile(file, Buffer.from(base64, 'base64'))
    },
    async close() {
      await ask('DELETE', session).catch(() => {})
      stop()
    },
  }
}

async function ask<Answer = void>(method: string, url: string, body?: object): Promise<Answer> {
  const answer = await fetch(url, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const { value } = (await answer.json()) as { value: Answer & { message?: string } }
  if (!answer.ok) throw new Error(`WebDriver, ${new URL(url).pathname}: ${value.message}`)
  return value
}
