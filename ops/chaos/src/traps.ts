import type { When } from './kill-points.ts'

/** Where this process dies: at the `nth` time from now that it comes by. */
export type Trap = { point: string; nth: number }

export type Traps = {
  set(trap: Trap): void
  /** True when the process must do half of its work and then {@link die}. */
  isHalf(method: string): boolean
  reach(method: string, when: When): void
  die(): never
}

/** A process has one trap at a time. It dies by SIGKILL, from which nothing of it can recover. */
export function createTraps(): Traps {
  let trap: Trap | undefined
  const hit = (point: string) => trap?.point === point && --trap.nth <= 0
  const die = (): never => {
    process.kill(process.pid, 'SIGKILL')
    for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000) // until the kernel has done it
  }
  return {
    set: (next) => { trap = { ...next } },
    isHalf: (method) => hit(`${method}:half`),
    reach: (method, when) => { if (hit(`${method}:${when}`)) die() },
    die,
  }
}
