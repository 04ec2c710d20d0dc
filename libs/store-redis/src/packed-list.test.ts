import { startPrivateRedis } from '@tallyfleet/testing'
import { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { PackedList } from './packed-list.ts'

test('a script reads what was packed: texts by their bytes, numbers to 2^53', async () => {
  const server = await startPrivateRedis()
  const redis = new Redis(server.url)
  const texts = ['', 'a', 'caf\u00e9 \u{1f600}', 'x'.repeat(300), 'y'.repeat(70_000)]
  const numbers = [0, 127, 128, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 999_999_999_999_999, Number.MAX_SAFE_INTEGER]
  const own = new PackedList()
  for (const text of texts) own.text(text)
  const list = new PackedList()
  list.append(own)
  for (const number of numbers) list.number(number)
  expect(list.length).toBe(texts.length + numbers.length)
  const script = `local list = cmsgpack.unpack(ARGV[1])
    for i = 1, #list do if type(list[i]) == 'number' then list[i] = string.format('%.0f', list[i]) end end
    return list`
  expect(await redis.eval(script, 0, list.toBuffer())).toEqual([...texts, ...numbers.map(String)])
  redis.disconnect()
  await server.stop()
})
