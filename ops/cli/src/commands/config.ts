import { apiConfig, schedulerConfig, workersConfig, loadConfig } from '@tallyfleet/config'
import { jobs } from '@tallyfleet/jobs'
import { loggingConfig } from '@tallyfleet/logging'
import { parseQueueChoice, queuesOf } from '@tallyfleet/queue'
import { storesConfig } from '@tallyfleet/stores'
import { z } from 'zod'
import type { Environment } from '../context.ts'
import { table, type CommandResult } from '../output.ts'

const SECRET = /SECRET|TOKEN|PASSWORD|_KEY$|_URL$/

/** Every setting with its value and where it comes from; values that may hold a secret are masked. Exit 4 when one is wrong. */
export async function configCommand(env: Environment, given: Environment): Promise<CommandResult> {
  const schema = z.object({
    ...storesConfig.shape, ...loggingConfig.shape, ...apiConfig.shape, ...workersConfig.shape, ...schedulerConfig.shape,
    FLEET_QUEUES: workersConfig.shape.FLEET_QUEUES.superRefine((text, context) => {
      try {
        parseQueueChoice(text, queuesOf(jobs))
      } catch (error) {
        context.addIssue({ code: 'custom', message: (error as Error).message })
      }
    }),
  })
  const values = new Map(Object.entries(loadConfig(schema, env) as Record<string, unknown>))
  const rows = Object.keys(schema.shape).sort().map((name) => {
    const source = given[name] ? 'environment' : given[`${name}_FILE`] ? 'file' : env[name] ? '.env or home' : 'default'
    const value = values.get(name)
    return { name, source, value: value === undefined ? null : SECRET.test(name) ? mask(String(value)) : value }
  })
  return { data: rows, text: table(['name', 'value', 'from'], rows.map(({ name, value, source }) => [name, String(value ?? ''), source])) }
}

/** Keeps scheme, host and path of a URL, and nothing of a bare secret. */
function mask(text: string): string {
  return text.split(',').map((part) => {
    if (!URL.canParse(part)) return '***'
    const url = new URL(part)
    if (url.password) url.password = '***'
    return url.href
  }).join(',')
}
