/** `setTimeout` of 2^31 ms and more fires at once; a longer wait is made of several. */
export const LONGEST_TIMER_MS: number = 2 ** 31 - 1;
