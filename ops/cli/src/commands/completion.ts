import { AppError } from '@tallyfleet/domain'
import type { Command } from 'commander'
import type { CommandResult } from '../output.ts'

const SHELLS = ['bash', 'zsh'] as const

/** A shell script that completes commands and options, made from the commands themselves. */
export function completion(program: Command, shell: string): CommandResult {
  if (!(SHELLS as readonly string[]).includes(shell)) {
    throw new AppError('USAGE_INVALID', `no completion for ${JSON.stringify(shell)}; there is one for ${SHELLS.join(' and ')}`)
  }
  const script = scriptOf(program, shell === 'zsh')
  return { data: { shell, script }, text: script }
}

function scriptOf(program: Command, isZsh: boolean): string {
  const all = [...wordsOf(program, '')]
  const paths = all.map(([path]) => `'${path}'`).filter((path) => path !== `''`)
  return `${isZsh ? 'autoload -U +X bashcompinit && bashcompinit\n' : ''}# eval "$(./fleet completion ${isZsh ? 'zsh' : 'bash'})"
_fleet_completion() {
  local at=1 path='' words=''
  while [ "$at" -lt "$COMP_CWORD" ]; do
    case "$path \${COMP_WORDS[$at]}" in
      ${paths.join('|')}) path="$path \${COMP_WORDS[$at]}" ;;
    esac
    at=$((at + 1))
  done
  case "$path" in
${all.map(([path, words]) => `    '${path}') words='${words.join(' ')}' ;;`).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[$COMP_CWORD]}"))
}
complete -o default -F _fleet_completion fleet ./fleet`
}

/** Each command by its path, as ` queues ls`, with what may follow it: commands and long options. */
function* wordsOf(command: Command, path: string): Generator<[path: string, words: string[]]> {
  const options = command.options.flatMap(({ long }) => (long ? [long] : []))
  yield [path, [...command.commands.map((child) => child.name()), ...options, '--help']]
  for (const child of command.commands) yield* wordsOf(child, `${path} ${child.name()}`)
}
