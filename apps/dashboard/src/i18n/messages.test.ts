import { expect, test } from 'vitest'
import { cs } from './cs.ts'
import { en } from './en.ts'

type Tree = { [name: string]: string | Tree }
const flatten = (tree: Tree, path = ''): [string, string][] => Object.entries(tree).flatMap(([name, value]) =>
  (typeof value === 'string' ? [[path + name, value] as [string, string]] : flatten(value, `${path}${name}.`)))
const placesIn = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(([place]) => place).sort()

test('every language says the same things with the same places for values', () => {
  const czech = new Map(flatten(cs))
  expect([...czech.keys()]).toEqual(flatten(en).map(([name]) => name))
  for (const [name, text] of flatten(en)) expect(placesIn(czech.get(name)!), name).toEqual(placesIn(text))
})
