import { argon2Sync } from 'node:crypto'
import { expect, test } from 'vitest'
import { originOf } from './create-key.ts'
import { hashPassword, matchesPassword } from './users.ts'

test('a password matches its own hash and no other', async () => {
  const hash = await hashPassword('correct horse')
  expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  expect(await matchesPassword('correct horse', hash)).toBe(true)
  expect(await matchesPassword('correct hors', hash)).toBe(false)
  expect(await matchesPassword('correct horse', 'x')).toBe(false)
  expect(await hashPassword('correct horse')).not.toBe(hash)
})

test('a hash with other costs matches, so that costs may grow', async () => {
  const nonce = Buffer.alloc(16)
  const tag = argon2Sync('argon2id', { message: 'open sesame', nonce, memory: 8, passes: 1, parallelism: 1, tagLength: 16 })
  const plain = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '')
  expect(await matchesPassword('open sesame', `$argon2id$v=19$m=8,t=1,p=1$${plain(nonce)}$${plain(tag)}`)).toBe(true)
})

test.each(['short', 'x'.repeat(257)])('a password of the wrong length is refused', async (password) => {
  await expect(hashPassword(password)).rejects.toMatchObject({ code: 'FIELD_INVALID' })
})

test('an origin is scheme, host and port, and nothing else', () => {
  expect(originOf('https://Example.org')).toBe('https://example.org')
  expect(originOf('https://example.org:443/')).toBe('https://example.org')
  expect(originOf('http://localhost:5173')).toBe('http://localhost:5173')
  for (const text of ['*', 'https://*.example.org', 'example.org', 'https://example.org/path', 'https://u@example.org', 'null', 'ftp://a']) {
    expect(originOf(text), text).toBeUndefined()
  }
})
