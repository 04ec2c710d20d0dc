/** A catalog of real films with believable traffic, for trying the fleet out: the data, and the way it is loaded. */
export * from './demo-state.ts'
export * from './load-demo.ts'
export * from './read-films.ts'
export * from './traffic.ts'
