import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const CLI = join(import.meta.dirname, 'main.ts')
const fleet = (...args: string[]) => execFileSync(process.execPath, [CLI, 'completion', ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

/** What bash offers for a line whose last word is being typed. */
function offered(script: string, line: string): string[] {
  const words = line.split(' ')
  const ask = `${script}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')})\nCOMP_CWORD=${words.length - 1}\n_fleet_completion\nprintf '%s\\n' "\${COMPREPLY[@]}"`
  return execFileSync('bash', ['-c', ask], { encoding: 'utf8' }).split('\n').filter(Boolean)
}

test('bash completes commands, their parts and their options', { timeout: 120_000 }, () => {
  const script = fleet('bash')
  expect(offered(script, './fleet que')).toEqual(['queues'])
  expect(offered(script, './fleet queues ')).toEqual(expect.arrayContaining(['ls', 'pause', 'resume', 'retry', 'drain']))
  expect(offered(script, './fleet dlq redrive --queue flush --ra')).toEqual(['--rate'])
  expect(offered(script, './fleet flush --')).toEqual(expect.arrayContaining(['--wait', '--timeout', '--json']))
  expect(offered(script, './fleet nonsense queues l')).toEqual(['ls'])
  expect(fleet()).toBe(script)
  expect(fleet('zsh')).toContain('bashcompinit')
  expect(() => fleet('fish')).toThrow(expect.objectContaining({ status: 2 }))
})
