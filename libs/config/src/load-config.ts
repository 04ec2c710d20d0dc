import { readFileSync } from 'node:fs'
import { AppError, faultsOf, type Fault } from '@tallyfleet/domain'
import type { z } from 'zod'

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Reads the settings that `schema` names from an environment. An empty text counts as unset. Every name may also be
 * given as NAME_FILE, the path of a file that holds the value (white space at its ends is dropped): a mounted secret.
 * @returns the parsed settings, frozen
 * @throws AppError `CONFIG_INVALID` with every fault at once; no message repeats a value, which may be a secret
 */
export function loadConfig<Schema extends z.ZodObject>(schema: Schema, env: Environment): Readonly<z.output<Schema>> {
  const faults: Fault[] = []
  const input: Record<string, string> = {}
  for (const name of Object.keys(schema.shape)) {
    const value = env[name] || undefined
    const path = Object.hasOwn(schema.shape, `${name}_FILE`) ? undefined : env[`${name}_FILE`] || undefined
    if (value !== undefined && path !== undefined) {
      faults.push(faultAt(name, `is set twice: as ${name} and as ${name}_FILE`))
    } else if (path !== undefined) {
      const content = readSecret(path)
      if (content === undefined) faults.push(faultAt(name, `${name}_FILE names a file that cannot be read`))
      else if (content !== '') input[name] = content
    } else if (value !== undefined) {
      input[name] = value
    }
  }
  const parsed = schema.safeParse(input)
  if (!parsed.success) {
    // A name whose file could not be read is reported once, not again as missing.
    const known = new Set(faults.map((fault) => fault.pointer))
    faults.push(...parsed.error.issues.flatMap(faultsOf).filter((fault) => !known.has(fault.pointer)))
  }
  if (faults.length > 0 || !parsed.success) {
    const lines = faults.map(({ pointer, detail }) => `  ${pointer.slice(1) || 'environment'}: ${detail}`)
    throw new AppError('CONFIG_INVALID', `the environment has faults:\n${lines.join('\n')}`, {
      details: { errors: faults },
    })
  }
  return Object.freeze(parsed.data)
}

function faultAt(name: string, detail: string): Fault {
  return { pointer: `/${name}`, code: 'FIELD_INVALID', detail }
}

function readSecret(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return undefined
  }
}
