/**
 * Builds one MessagePack array of texts and whole numbers, which a script reads with `cmsgpack.unpack`: as an argument
 * each, they would cost the driver and the server several times as much. Kept as text, one character a byte, because
 * joining texts is what the runtime does fastest.
 */
export class PackedList {
  #bytes = ''
  #length = 0

  /** How many elements it holds. */
  get length(): number {
    return this.#length
  }

  text(text: string): void {
    const length = Buffer.byteLength(text)
    const bytes = length === text.length ? text : Buffer.from(text).toString('latin1')
    this.#bytes += (length < 65_536 ? `\xda${uint16(length)}` : `\xdb${uint32(length)}`) + bytes
    this.#length++
  }

  /** A whole number from 0 to 2^53 - 1. */
  number(value: number): void {
    if (value < 128) this.#bytes += BYTES[value]!
    else if (value < 2 ** 32) this.#bytes += `\xce${uint32(value)}`
    else this.#bytes += `\xcf${uint32(Math.floor(value / 2 ** 32))}${uint32(value >>> 0)}`
    this.#length++
  }

  /** Adds the elements of another list. */
  append(other: PackedList): void {
    this.#bytes += other.#bytes
    this.#length += other.#length
  }

  toBuffer(): Buffer {
    return Buffer.from(`\xdd${uint32(this.#length)}${this.#bytes}`, 'latin1')
  }
}

const BYTES = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte))

function uint16(value: number): string {
  return BYTES[value >>> 8]! + BYTES[value & 255]!
}

function uint32(value: number): string {
  return uint16(value >>> 16) + uint16(value & 65_535)
}
