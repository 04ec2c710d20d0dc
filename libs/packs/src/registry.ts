// One line for each pack folder.
export { bilten } from './bilten/pack.ts'
export { jav } from './jav/pack.ts'
export { mediacms } from './mediacms/pack.ts'
export { mysetlist } from './mysetlist/pack.ts'
export { storyverse } from './storyverse/pack.ts'
export { web } from './web/pack.ts'
