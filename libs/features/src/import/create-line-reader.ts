import { readCombinedLine } from './combined-line.ts'
import type { LineContext, LineFormat, LineReader, ReadLine } from './import-format.ts'
import { readMovielensLine } from './movielens-line.ts'
import { readNdjsonLine } from './ndjson-line.ts'

/** How the bytes of a line become text. Latin-1 takes every byte: where ids are digits, the reader refuses the rest. */
export type LineEncoding = 'utf8' | 'latin1'

/** The reader of a line format and the encoding that it wants. */
export function createLineReader(
  format: LineFormat, context: LineContext = {},
): { read: (line: string) => ReadLine; encoding: LineEncoding } {
  const { reader, encoding } = READERS[format]
  return { read: (line) => reader(line, context), encoding }
}

const READERS: Record<LineFormat, { reader: LineReader; encoding: LineEncoding }> = {
  movielens: { reader: readMovielensLine, encoding: 'latin1' },
  combined: { reader: readCombinedLine, encoding: 'utf8' },
  ndjson: { reader: readNdjsonLine, encoding: 'utf8' },
}
