import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '@tallyfleet/domain'
import { isSignedBy, signDetached } from './detached-signature.ts'
import { canonicalJson } from './canonical-json.ts'
import type { EvidenceKey, PublicKey } from './evidence-key.ts'

/*
 * A folder of reports:
 *
 *   evidence-key.json      the public key
 *   head.jws               how many reports there are, signed; the same line twice
 *   000001/report.json     the report: canonical JSON
 *   000001/report.jws      its detached signature
 *   000001/report.copy     the signature, a line feed, and the report again
 *
 * Everything stands there twice (the key inside each report), so that a change in one place can be told byte by byte
 * from what was signed. Who changes both places alike is found out too, but not the byte: nothing signed is left.
 */
export const KEY_FILE = 'evidence-key.json'
export const HEAD_FILE = 'head.jws'
export const REPORT_FILE = 'report.json'
export const SIGNATURE_FILE = 'report.jws'
export const COPY_FILE = 'report.copy'

/** What the head says: the newest report of a chain; sequence 0 before the first. */
export type Head = { chain: string; sequence: number; sha256: string | null }

/** The bytes of one report's files; undefined: the file is not there. */
export type ReportFiles = { name: string; json?: Buffer; jws?: Buffer; copy?: Buffer }

/** The folder name of a report: its sequence number in at least six digits. */
export function folderNameOf(sequence: number): string {
  return String(sequence).padStart(6, '0')
}

/** What the files of a report hold when nobody touched them. */
export function filesOf(jws: string, json: Buffer): { json: Buffer; jws: Buffer; copy: Buffer } {
  const line = Buffer.from(`${jws}\n`)
  return { json, jws: line, copy: Buffer.concat([line, json]) }
}

/** Names of the report folders, lowest number first; none when the folder is not there. */
export async function listReportNames(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(ignoreMissing) ?? []
  return names.filter((name) => /^\d{6,15}$/.test(name)).sort((a, b) => Number(a) - Number(b))
}

/** Reads the files of one report. */
export async function readReportFiles(path: string, name: string): Promise<ReportFiles> {
  const files = [REPORT_FILE, SIGNATURE_FILE, COPY_FILE]
  const [json, jws, copy] = await Promise.all(files.map((file) => readBytes(join(path, file))))
  return { name, json, jws, copy }
}

export async function readBytes(path: string): Promise<Buffer | undefined> {
  return await readFile(path).catch(ignoreMissing)
}

/** The bytes of a head file. */
export async function signHead(head: Head, key: EvidenceKey): Promise<Buffer> {
  const payload = Buffer.from(canonicalJson(head))
  const [header, signature] = (await signDetached(payload, key)).split('..')
  const line = `${header}.${payload.toString('base64url')}.${signature}\n`
  return Buffer.from(line + line)
}

/** The head in a head file's bytes, and the bytes that it should have; undefined when no line of it was signed. */
export async function readHead(bytes: Buffer, key: PublicKey): Promise<{ head: Head; expected: Buffer } | undefined> {
  const text = bytes.toString('latin1')
  const half = text.length / 2
  for (const line of new Set([...text.split('\n'), text.slice(0, half - 1), text.slice(half, -1)])) {
    const [, header, payload, signature] = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/.exec(line) ?? []
    if (!payload) continue
    const content = Buffer.from(payload, 'base64url')
    if (content.toString('base64url') !== payload) continue
    if (!await isSignedBy(key, `${header}..${signature}`, content)) continue
    return { head: JSON.parse(content.toString()) as Head, expected: Buffer.from(`${line}\n${line}\n`) }
  }
  return undefined
}

/** Writes or replaces a file, whole or not at all, durable when it resolves. */
export async function putFile(folder: string, name: string, bytes: Uint8Array): Promise<void> {
  const part = join(folder, `.${name}.${randomUUID()}.tmp`)
  await writeFile(part, bytes, { flush: true })
  await rename(part, join(folder, name))
  await syncFolder(folder)
}

/** Adds a report, whole or not at all, durable when it resolves. Answers false when its number is taken. */
export async function putReport(folder: string, sequence: number, jws: string, json: Buffer): Promise<boolean> {
  const part = join(folder, `.${folderNameOf(sequence)}.${randomUUID()}.tmp`)
  await mkdir(part, { mode: 0o700 })
  try {
    const files = filesOf(jws, json)
    await writeFile(join(part, REPORT_FILE), files.json, { flush: true })
    await writeFile(join(part, SIGNATURE_FILE), files.jws, { flush: true })
    await writeFile(join(part, COPY_FILE), files.copy, { flush: true })
    await syncFolder(part)
    await rename(part, join(folder, folderNameOf(sequence))) // refused while a folder of that name holds anything
    await syncFolder(folder)
    return true
  } catch (error) {
    await rm(part, { recursive: true, force: true })
    if (['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) return false
    throw error
  }
}

async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path)
  await folder.sync()
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
  throw new AppError('PARAMETER_INVALID', `cannot read ${error.path}: ${error.code}`, { cause: error })
}
