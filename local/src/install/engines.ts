import { existsSync, globSync } from 'node:fs'
import { ensureSystemPackage, onPath } from './system-package.ts'

type Log = (line: string) => void

/** Finds Firefox or installs it. */
export function ensureFirefox(log: Log): string {
  return ensureSystemPackage({
    title: 'Firefox',
    apt: 'firefox-esr',
    brew: '--cask firefox',
    find: () =>
      onPath('firefox-esr', 'firefox') ??
      ['/Applications/Firefox.app/Contents/MacOS/firefox'].find((path) => existsSync(path)),
    log,
  })
}

export interface WebkitPrograms {
  driver: string
  /** A browser of the engine that the driver may steer. */
  browser: string
  /** It has windows, which a machine without a screen needs a place for. */
  screen: string
}

/** Finds WebKitGTK with its driver or installs them; only Linux has it. */
export function ensureWebkit(log: Log): WebkitPrograms {
  const driver = ensureSystemPackage({
    title: 'WebKitGTK with its driver',
    apt: 'webkit2gtk-driver',
    find: () => onPath('WebKitWebDriver'),
    log,
  })
  const screen = ensureSystemPackage({
    title: 'Xvfb',
    apt: 'xvfb',
    find: () => onPath('Xvfb'),
    log,
  })
  const [browser] = globSync('/usr/lib/*/webkit*gtk-4*/MiniBrowser')
  if (browser === undefined) throw new Error('WebKitGTK is here, but not its MiniBrowser')
  return { driver, browser, screen }
}
