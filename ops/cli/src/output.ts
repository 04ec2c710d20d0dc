import { AppError, toAppError, type ErrorCode } from '@tallyfleet/domain'

/** How a command ends; scripts rely on these numbers. */
export const EXIT = { ok: 0, bug: 1, usage: 2, difference: 3, config: 4, dependency: 5, partly: 6, interrupted: 130 } as const

/** What a command found out. `text` is for people, `data` for `--json`; `exit` 0 unless told. */
export type CommandResult = { data: unknown; text: string; exit?: number; warnings?: string[] }

const EXIT_BY_CODE: Partial<Record<ErrorCode, number>> = {
  CONFIG_INVALID: EXIT.config, HOME_IN_USE: EXIT.config, STORE_REFUSED: EXIT.config, BUG: EXIT.bug,
}

/**
 * Runs a command and prints its answer: with `json` one object on stdout and nothing else there. A command that goes on
 * after its answer gives it by `answer` and resolves with its exit code. Answers the exit code.
 */
export async function report(
  command: string, json: boolean, run: (answer: (result: CommandResult) => void) => Promise<CommandResult | number>,
): Promise<number> {
  const startedAt = performance.now()
  const print = (fields: Record<string, unknown>) =>
    process.stdout.write(`${JSON.stringify({ ...fields, durationMs: Math.round(performance.now() - startedAt) })}\n`)
  let answered = false
  const answer = ({ data, text, exit = EXIT.ok, warnings = [] }: CommandResult): number => {
    answered = true
    if (json) print({ ok: exit === EXIT.ok, command, data, warnings })
    else {
      for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`)
      if (text) process.stdout.write(`${text}\n`)
    }
    return exit
  }
  try {
    const result = await run(answer)
    return typeof result === 'number' ? result : answer(result)
  } catch (caught) {
    const error = toAppError(caught)
    if (json && !answered) print({ ok: false, command, data: null, warnings: [], error: { code: error.code, message: error.message, ...error.details } })
    else process.stderr.write(`fleet ${command}: ${error.code}: ${error.message}\n${error.code === 'BUG' ? `${String((caught as Error).stack)}\n` : ''}`)
    return exitOf(error)
  }
}

export function exitOf(error: AppError): number {
  const known = EXIT_BY_CODE[error.code]
  if (known !== undefined) return known
  if (error.kind === 'unavailable') return EXIT.dependency
  return error.kind === 'internal' ? EXIT.bug : EXIT.usage
}

/** A table with aligned columns; numbers to the right. */
export function table(header: string[], rows: (string | number)[][]): string {
  const cells = [header, ...rows.map((row) => row.map(String))]
  const widths = header.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)))
  return cells.map((row, index) => row.map((cell, column) =>
    index > 0 && typeof rows[index - 1]![column] === 'number' ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
  ).join('  ').trimEnd()).join('\n')
}
